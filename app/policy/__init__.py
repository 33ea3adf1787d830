"""What a repository wants to run when: `.rigline.toml` as text becomes rules. Pure: no SQL, no web, no HTTP."""
