#!lua flags=no-writes
-- The number of keys, what is known of it, when and how often all were looked at, and the time.
-- KEYS: the state of the index.
local state = redis.call('HMGET', KEYS[1], 'keys', 'scanned', 'surveys')
return { redis.call('DBSIZE'), state[1], state[2], state[3], redis.call('TIME')[1] }
