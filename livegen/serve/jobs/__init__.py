"""What is asked for, and the queue of it: one port, and two adapters.

Imports the words alone. Read `port` first: `embedded` is it in a file of SQLite, `rq` in Redis.
"""
