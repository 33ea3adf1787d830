"""The statements of `past`. The attempt of commit c at place p (0 … 9) is number (c - 1) · 10 + p + 1."""

SESSION = (
    "SET session_replication_role = replica",  # the rows are right by making: no foreign key has to be looked up
    "SET synchronous_commit = off",
    "SELECT setseed(0.5)",
)

# The second repository is for the result file that is read: its thousands of series must not change the pages.
LAB = (
    """INSERT INTO repository (id, forge, forge_id, full_name, clone_url, default_branch, private)
       VALUES (1, 'github', 4711, 'bench/years', 'https://github.com/bench/years.git', 'main', false),
              (2, 'github', 4712, 'bench/now', 'https://github.com/bench/now.git', 'main', false)""",
    "INSERT INTO builder (id, name, token_hash, version, isolation) VALUES (1, 'past', 'x', '1', 'none')",
    """INSERT INTO board (id, builder_id, name, type, description, health_reason, offered)
       SELECT n, 1, 'board-' || n, 'type-' || n, '', '', true FROM generate_series(1, 5) n""",
)

WORK = (
    """INSERT INTO "commit" (id, repository_id, sha, parents, committed_at, title, author)
       SELECT n, 1, lpad(to_hex(n - 1), 40, '0'), ARRAY[lpad(to_hex(n - 2), 40, '0')],
              now() - interval '1 hour' * ($1 - n), 'Draw the arcs of the cache, part ' || n, 'Ada'
         FROM generate_series(1, $1::int) n""",
    """INSERT INTO pipeline (id, repository_id, commit, kind, trigger, branch, from_fork, title, requested_by, trust)
       SELECT n, 1, lpad(to_hex(n - 1), 40, '0'), 'run', CASE n % 10 WHEN 0 THEN 'schedule' ELSE 'push' END, 'main',
              false, '', '', 'x'
         FROM generate_series(1, $1::int) n""",
    """INSERT INTO job (id, pipeline_id, board_type, configuration, replaced, state, reason, priority, cancel_reason,
                        ended_at, epoch)
       SELECT (c - 1) * 10 + p + 1, c, 'type-' || p / 2 + 1, CASE p % 2 WHEN 0 THEN 'release' ELSE 'debug' END,
              false, 'passed', '', 'branch', '', now(), 1
         FROM generate_series(1, $1::int) c, generate_series(0, 9) p""",
    """INSERT INTO attempt (id, job_id, epoch, builder_id, board_id, claim_id, lease_until, reason, log_sha256,
                            ended_at, outcome)
       SELECT (c - 1) * 10 + p + 1, (c - 1) * 10 + p + 1, 1, 1, p / 2 + 1, gen_random_uuid(), now(), '', '',
              now() - interval '1 hour' * ($1 - c), 'passed'
         FROM generate_series(1, $1::int) c, generate_series(0, 9) p""",
)

# Which series there are to be: at which place, on which branch, measured at which commits.
SERIES_MEANT = (
    """CREATE TEMP TABLE meant (id serial, place int, branch text, benchmark text, metric text, first int, last int,
                                 base float8, step_at int)""",
)
OLD = """
INSERT INTO meant (place, branch, benchmark, metric, first, last, base, step_at)
SELECT p, 'main', 'draw/scene ' || lpad(b::text, 4, '0'), 'metric-' || m, 1, $2, 10 + random() * 1000,
       200 + floor(random() * 1600)
  FROM generate_series(0, 9) p, generate_series(1, $1::int) b, generate_series(1, 3) m
"""
YOUNG = """
INSERT INTO meant (place, branch, benchmark, metric, first, last, base, step_at)
SELECT 0, 'main', 'young/scene ' || lpad(b::text, 4, '0'), 'metric-' || m, $2 + 1, $3, 10 + random() * 1000, $3
  FROM generate_series(1, $1::int) b, generate_series(1, 3) m
"""
PULLS = """
INSERT INTO meant (place, branch, benchmark, metric, first, last, base, step_at)
SELECT p, 'pull/' || n, 'draw/scene ' || lpad(b::text, 4, '0'), 'metric-' || m,
       $3 + (n - 1) * $4 + 1, $3 + n * $4, 10 + random() * 1000, 1000000000
  FROM generate_series(1, $2::int) n, generate_series(0, 9) p, generate_series(1, $1::int) b, generate_series(1, 3) m
"""
SERIES = """
INSERT INTO series (id, repository_id, branch, board_type, configuration, identity, benchmark, version, metric, unit,
                    better, step, step_samples)
SELECT id, 1, branch, 'type-' || place / 2 + 1, CASE place % 2 WHEN 0 THEN 'release' ELSE 'debug' END,
       encode(sha256((benchmark || metric)::bytea), 'hex'), benchmark, '', metric, 'ms', 'lower', 0, 3 FROM meant
"""

# Three or five samples around a middle that moves by 8 % once, in the order of attempts.
MEASUREMENTS = """
INSERT INTO measurement (series_id, commit_id, attempt_id, made_at, measured_at, value, low, high, count, samples)
SELECT s.id, c.id, (c.id - 1) * 10 + s.place + 1, c.committed_at, c.committed_at, v.mid, v.mid * v.low, v.mid * v.high,
       CASE s.id % 2 WHEN 0 THEN 3 ELSE 5 END,
       CASE s.id % 2 WHEN 0 THEN ARRAY[v.mid * v.low, v.mid * v.high, v.mid]
            ELSE ARRAY[v.mid, v.mid * v.high, v.mid * v.low, v.mid * (1 + v.high) / 2, v.mid * (1 + v.low) / 2] END
  FROM "commit" c JOIN meant s ON c.id BETWEEN s.first AND s.last
 CROSS JOIN LATERAL (
       SELECT s.base * (1 + (random() + random() + random() - 1.5) * 0.01)
              * CASE WHEN c.id > s.step_at THEN 1.08 ELSE 1 END AS mid,
              1 - random() * 0.01 AS low, 1 + random() * 0.01 AS high OFFSET 0) v
 WHERE c.id >= $1 AND c.id < $2
 ORDER BY c.id, s.place, s.id
"""

CONCLUSIONS = (
    """INSERT INTO analysis (series_id, points, level, sigma, inflation, analysed_at)
       SELECT id, last - first + 1, base, 0.005, 1.2, now() FROM meant WHERE branch = 'main'""",
    """INSERT INTO shift (id, repository_id, branch, after_commit_id, until_commit_id, is_worse, said_by, reason, link,
                          assignee)
       SELECT n, 1, 'main', n * 10, n * 10 + 1, n % 2 = 0, '', '', '', '' FROM generate_series(1, 190) n""",
    """INSERT INTO change_point (series_id, shift_id, after_commit_id, until_commit_id, before, after, change,
                                 points_after, is_worse)
       SELECT id, least(190, step_at / 10), step_at, step_at + 1, base, base * 1.08, 0.08, 50, true
         FROM meant WHERE branch = 'main' AND step_at < last""",
)

NOW = (
    """INSERT INTO pipeline (repository_id, commit, kind, trigger, branch, from_fork, title, requested_by, trust)
       SELECT 2, repeat('f', 40), 'run', 'push', 'main', false, '', '', 'x'""",
    """INSERT INTO job (pipeline_id, board_type, configuration, replaced, state, reason, priority, cancel_reason,
                        ended_at, epoch)
       SELECT max(id), 'type-1', 'release', false, 'passed', '', 'branch', '', now(), 1 FROM pipeline""",
    """INSERT INTO attempt (job_id, epoch, builder_id, board_id, claim_id, lease_until, reason, log_sha256, ended_at,
                            outcome)
       SELECT max(id), 1, 1, 1, gen_random_uuid(), now(), '', '', now(), 'passed' FROM job""",
)

SEQUENCES = tuple(
    f"""SELECT setval(pg_get_serial_sequence('"{table}"', 'id'), (SELECT max(id) FROM "{table}"))"""
    for table in ("repository", "builder", "board", "commit", "pipeline", "job", "attempt", "series", "shift")
)

# The newest comparison is of the two newest commits of the main branch, at place 0.
COMPARISONS = """
INSERT INTO comparison (repository_id, pipeline_id, job_id, attempt_id, board_id, board_type, configuration, kind, base,
                        head, pairs, looks, is_over, counts, ratio, judged_at)
SELECT 1, c, (c - 1) * 10 + 1, (c - 1) * 10 + 1, 1, 'type-1', 'release', 'interleaved', lpad(to_hex(c - 2), 40, '0'),
       lpad(to_hex(c - 1), 40, '0'), 16, 2, true, '{"unchanged": 400, "regressed": 50, "improved": 50}', 1.01, now()
  FROM generate_series($2 - $1::int + 1, $2::int) c
"""
COMPARED = """
INSERT INTO comparison_row (comparison_id, identity, benchmark, version, metric, unit, better, base_values, head_values,
                            verdict, change, low, high, p, fails, note)
SELECT c.id, encode(sha256(n::text::bytea), 'hex'), 'young/scene ' || lpad((n / 3 + 1)::text, 4, '0'), '',
       'metric-' || n % 3 + 1, 'ms', 'lower', v.base, v.head,
       CASE n % 10 WHEN 0 THEN 'regressed' WHEN 1 THEN 'improved' ELSE 'unchanged' END, v.change, v.change - 0.01,
       v.change + 0.01, 0.004, n % 10 = 0, ''
  FROM comparison c CROSS JOIN generate_series(0, $1 - 1) n
 CROSS JOIN LATERAL (
       SELECT array_agg(100 + random()) AS base, array_agg(100 + random()) AS head,
              CASE n % 10 WHEN 0 THEN 0.05 WHEN 1 THEN -0.05 ELSE 0.001 END AS change
         FROM generate_series(1, 16) WHERE n IS NOT NULL) v
"""

BYTES = """
SELECT pg_table_size('measurement') AS heap, pg_indexes_size('measurement') AS indexes,
       (SELECT count(*) FROM measurement) AS rows
"""
