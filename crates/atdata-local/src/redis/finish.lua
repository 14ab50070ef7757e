#!lua
-- All keys that were there when it began have been looked at. Does nothing if somebody else was faster.
-- KEYS: the state of the index. ARGV: how often it was done before, how many keys were not known then, and when.
if (redis.call('HGET', KEYS[1], 'surveys') or '0') ~= ARGV[1] then return 0 end
redis.call('HINCRBY', KEYS[1], 'keys', ARGV[2])
redis.call('HSET', KEYS[1], 'scanned', ARGV[3])
redis.call('HINCRBY', KEYS[1], 'surveys', 1)
return 1
