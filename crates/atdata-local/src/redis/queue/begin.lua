#!lua
-- Adds a page of jobs, unless somebody else has. Says how many there are now, or -1 if the queue works on other shards.
-- KEYS: see `Keys`. ARGV: fingerprint and number of all shards, how many come before these, these.
local meta, jobs = KEYS[1], KEYS[2]
local known = redis.call('HMGET', meta, 'fingerprint', 'filled')
if not known[1] then
  redis.call('HSET', meta, 'fingerprint', ARGV[1], 'total', ARGV[2], 'filled', 0)
  redis.call('XGROUP', 'CREATE', jobs, 'workers', '0', 'MKSTREAM')
elseif known[1] ~= ARGV[1] then
  return -1
end
local filled = tonumber(known[2] or 0)
if filled ~= tonumber(ARGV[3]) then return filled end
for n = 4, #ARGV do redis.call('XADD', jobs, '*', 'shard', ARGV[n]) end
return redis.call('HINCRBY', meta, 'filled', #ARGV - 3)
