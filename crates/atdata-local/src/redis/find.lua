#!lua flags=no-writes
-- Finds what a reference leads to: by name, or else by content identifier, or else by name and version.
-- KEYS: the state of the index. ARGV: the reference; name and version if it has both.
local state = redis.call('HMGET', KEYS[1], 'keys', 'scanned', 'surveys')
local out = { redis.call('DBSIZE'), state[1], state[2], state[3], redis.call('TIME')[1], false, false, false }

local function entry(cid)
  local row = cid and redis.call('HGETALL', 'LocalDatasetEntry:' .. cid)
  return row and #row > 0 and row
end

local name = ARGV[1]
local record = 'atdata:name:' .. name
local known = redis.call('HMGET', record, 'latest', 'entry', '@', 'rev')
local plain = redis.call('HGET', 'Label:' .. name .. '@', 'cid')
local latest, first = known[1], known[2]
local noted, target = false, false
if latest then
  noted = redis.call('HGET', record, '@' .. latest)
  target = redis.call('HGET', 'Label:' .. name .. '@' .. latest, 'cid')
end
local row, kept = entry(target), false
if row then
  kept = redis.call('HGET', record, '=' .. target)
elseif first then
  row = entry(first)
  kept = redis.call('HGET', record, '=' .. first)
end
out[6] = { latest, first, known[3], plain, noted, target, row, kept, known[4] }

if not row then
  out[7] = entry(name)
  if not out[7] and ARGV[2] then
    local label = redis.call('HMGET', 'Label:' .. ARGV[2] .. '@' .. ARGV[3], 'cid', 'name')
    local labelled = entry(label[1])
    if labelled then
      out[8] = { labelled, redis.call('HGET', 'atdata:name:' .. ARGV[2], '=' .. label[1]) }
    end
  end
end
return out
