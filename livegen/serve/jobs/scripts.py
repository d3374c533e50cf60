"""The changes of a job's state in Redis: scripts in Lua, each of which Redis runs as a whole.

What there is: ``job:ID``, a hash; ``result:ID``, a hash; for each state a sorted set of ids, by when they came into it
(a running one: by when its worker was heard last); ``all``, such a set by when they were made; ``open:CLIENT``, a set
of ids; ``workers``, a sorted set of names by when they were heard, and ``takes``, a hash of their models.
"""

from collections.abc import Mapping
from typing import Final

_PREFIX: Final = "livegen:"


def key(*parts: str) -> str:
    """Return the name of a key: ``livegen:job:ID``."""
    return _PREFIX + ":".join(parts)


_HEAD: Final = """
local id, P = KEYS[1], 'livegen:'
local time = redis.call('TIME')
local now = tonumber(time[1]) + tonumber(time[2]) / 1e6
local job = P .. 'job:' .. id
local function count(name) redis.call('HINCRBY', P .. 'totals', name, 1) end
local function get(key, field) return redis.call('HGET', key, field) end
local function move(id, from, to)
    redis.call('ZREM', P .. from, id)
    redis.call('ZADD', P .. to, now, id)
    redis.call('HSET', P .. 'job:' .. id, 'state', to)
end
local function close(id) redis.call('SREM', P .. 'open:' .. get(P .. 'job:' .. id, 'client'), id) end
local function is_own(token) return get(job, 'state') == 'running' and get(job, 'token') == token end
local function forget(id)
    local job = P .. 'job:' .. id
    if redis.call('EXISTS', job) == 0 then return 0 end
    close(id)
    redis.call('ZREM', P .. get(job, 'state'), id)
    redis.call('ZREM', P .. 'all', id)
    redis.call('DEL', job, P .. 'result:' .. id)
    return 1
end
"""

_BODIES: Final[Mapping[str, str]] = {
    "submit": """
local order, model, client = ARGV[1], ARGV[2], ARGV[3]
local state = get(job, 'state')
if state and state ~= 'failed' then return 0 end
if state then forget(id) end
redis.call('HSET', job, 'order', order, 'model', model, 'client', client, 'state', 'queued', 'created', tostring(now),
    'progress', 0, 'attempts', 0, 'error', '', 'token', '')
redis.call('ZADD', P .. 'queued', now, id)
redis.call('ZADD', P .. 'all', now, id)
redis.call('SADD', P .. 'open:' .. client, id)
return 1
""",
    "begin": """
if get(job, 'state') ~= 'queued' then return 0 end
move(id, 'queued', 'running')
redis.call('HSET', job, 'token', ARGV[1])
redis.call('HINCRBY', job, 'attempts', 1)
return 1
""",
    "beat": """
local name = string.match(ARGV[1], '^[^:]*')
if redis.call('ZSCORE', P .. 'workers', name) then redis.call('ZADD', P .. 'workers', now, name) end
if not is_own(ARGV[1]) then return 0 end
redis.call('ZADD', P .. 'running', now, id)
redis.call('HSET', job, 'progress', ARGV[2])
return 1
""",
    "finish": """
if not is_own(ARGV[1]) then return 0 end
redis.call('HSET', P .. 'result:' .. id, 'score', ARGV[2], 'registers', ARGV[3])
redis.call('HSET', job, 'progress', 1)
move(id, 'running', 'done')
close(id)
count('done')
return 1
""",
    "fail": """
if not is_own(ARGV[1]) then return 0 end
redis.call('HSET', job, 'error', ARGV[2])
move(id, 'running', 'failed')
close(id)
count('failed')
return 1
""",
    "fetch": """
if get(job, 'state') ~= 'done' then return false end
redis.call('ZADD', P .. 'done', now, id)
return redis.call('HMGET', P .. 'result:' .. id, 'score', 'registers')
""",
    "forget": "return forget(id)",
    "tend": """
local silence, most, sentence, keep = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3], tonumber(ARGV[4])
local again, last = {}, tonumber(redis.call('GET', P .. 'tended') or now)
redis.call('SET', P .. 'tended', now)
if now - last > silence then -- nobody could be heard meanwhile: give who plays on the time to say so
    for _, id in ipairs(redis.call('ZRANGE', P .. 'running', 0, -1)) do redis.call('ZADD', P .. 'running', now, id) end
end
for _, id in ipairs(redis.call('ZRANGEBYSCORE', P .. 'running', '-inf', now - silence)) do
    local job = P .. 'job:' .. id
    if tonumber(get(job, 'attempts')) >= most then
        redis.call('HSET', job, 'error', sentence)
        move(id, 'running', 'failed')
        close(id)
        count('failed')
    else
        redis.call('HSET', job, 'token', '', 'progress', 0)
        move(id, 'running', 'queued')
        count('retried')
        table.insert(again, id)
    end
end
for _, state in ipairs({'done', 'failed'}) do
    for _, id in ipairs(redis.call('ZRANGEBYSCORE', P .. state, '-inf', now - keep)) do forget(id) end
end
for _, name in ipairs(redis.call('ZRANGEBYSCORE', P .. 'workers', '-inf', now - silence)) do
    redis.call('ZREM', P .. 'workers', name)
    redis.call('HDEL', P .. 'takes', name)
end
return again
""",
    "waiting": "return redis.call('ZRANGEBYSCORE', P .. 'queued', '-inf', now - tonumber(ARGV[1]))",
    "greet": """
redis.call('ZADD', P .. 'workers', now, ARGV[1])
redis.call('HSET', P .. 'takes', ARGV[1], ARGV[2])
""",
    "workers": """
local found = {}
for _, name in ipairs(redis.call('ZRANGEBYSCORE', P .. 'workers', now - tonumber(ARGV[1]), '+inf')) do
    table.insert(found, name)
    table.insert(found, get(P .. 'takes', name))
end
return found
""",
}

TEXTS: Final[Mapping[str, str]] = {name: _HEAD + body for name, body in _BODIES.items()}
"""Each script, by its name; its key is the job's id."""
