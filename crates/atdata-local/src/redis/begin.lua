#!lua
-- Begins to look at all keys: from now on keys are counted. Answers with the state of the index, as it was before.
-- KEYS: the state of the index.
redis.call('HSETNX', KEYS[1], 'keys', 0)
local state = redis.call('HMGET', KEYS[1], 'keys', 'scanned', 'surveys')
return { redis.call('DBSIZE'), state[1], state[2], state[3], redis.call('TIME')[1] }
