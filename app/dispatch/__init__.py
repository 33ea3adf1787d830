"""From pipelines to boards: what is planned, queued, handed out, cancelled and swept."""
