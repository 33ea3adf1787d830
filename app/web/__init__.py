"""HTTP: webhooks, builders, the public API, pages and live events. Stateless; run as many processes as you like."""
