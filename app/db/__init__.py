"""The database: tables, sessions, migrations, and the SQL of each table in one module of `queries`."""
