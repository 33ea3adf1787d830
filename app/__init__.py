"""The Rigline service: webhooks, jobs, answers, pages and the `rigline` command."""
