#!lua flags=no-writes
-- How many shards there are, are done, have failed and are lent; nothing if there is no queue.
-- KEYS: see `Keys`.
local meta, jobs, _, _, results, dead = unpack(KEYS)
local total = redis.call('HGET', meta, 'total')
if not total then return false end
local lent = redis.call('XPENDING', jobs, 'workers')[1]
return { tonumber(total), redis.call('HLEN', results), redis.call('XLEN', dead), lent }
