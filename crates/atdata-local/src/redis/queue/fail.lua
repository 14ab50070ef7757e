#!lua
-- Takes a shard back, if the lease is the newest one; says whether it has. It goes to the end of the jobs, or with the dead
-- if it was tried often enough.
-- KEYS: see `Keys`. ARGV: job, token, shard, tries; then the message, or nothing if it was not worked on to its end.
local _, jobs, leases, tries, _, dead = unpack(KEYS)
local job, shard, message = ARGV[1], ARGV[3], ARGV[5]
local lease = redis.call('HGET', leases, job)
if not lease or lease:match('^%d+') ~= ARGV[2] then return 0 end
redis.call('XACK', jobs, 'workers', job)
redis.call('XDEL', jobs, job)
redis.call('HDEL', leases, job)
local attempts = redis.call('HINCRBY', tries, shard, message and 0 or -1)
if message and attempts >= tonumber(ARGV[4]) then
  redis.call('XADD', dead, '*', 'shard', shard, 'message', message, 'attempts', attempts)
else
  redis.call('XADD', jobs, '*', 'shard', shard)
end
return 1
