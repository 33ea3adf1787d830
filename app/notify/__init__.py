"""Tell subscribers what happened: written down with what happened, sent by mail or webhook, tried until it arrives."""
