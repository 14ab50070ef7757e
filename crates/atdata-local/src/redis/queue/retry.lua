#!lua
-- Makes jobs of a page of the dead; says of how many.
-- KEYS: see `Keys`. ARGV: how many at most.
local _, jobs, _, tries, _, dead = unpack(KEYS)
local page = redis.call('XRANGE', dead, '-', '+', 'COUNT', ARGV[1])
for _, entry in ipairs(page) do
  local shard = entry[2][2]
  redis.call('HDEL', tries, shard)
  redis.call('XADD', jobs, '*', 'shard', shard)
  redis.call('XDEL', dead, entry[1])
end
return #page
