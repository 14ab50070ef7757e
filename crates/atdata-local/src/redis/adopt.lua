#!lua
-- Notes entries and labels that others have written; says how many.
-- KEYS: the state of the index. ARGV: the number of this survey, then keys of entries and labels.
local before, adopted = redis.call('DBSIZE'), 0

local function references(cid)
  return 'atdata:entry:{LocalDatasetEntry:' .. cid .. '}'
end

local function adopt_entry(key)
  local name = redis.pcall('HGET', key, 'name')
  if type(name) ~= 'string' or name == '' then return end
  local cid = key:sub(#'LocalDatasetEntry:' + 1)
  if redis.call('HEXISTS', references(cid), '=' .. name) == 1 then return end
  local record = 'atdata:name:' .. name
  redis.call('HSET', references(cid), '=' .. name, '')
  redis.call('HINCRBY', references(cid), 'rev', 1)
  redis.call('HSET', record, '=' .. cid, '')
  redis.call('HSETNX', record, 'entry', cid)
  redis.call('HINCRBY', record, 'rev', 1)
  redis.call('ZADD', 'atdata:names', 0, name)
  adopted = adopted + 1
end

local function adopt_label(key)
  local label = redis.pcall('HMGET', key, 'cid', 'name', 'version')
  if label.err or not label[1] then return end
  local cid, name, version = label[1], label[2], label[3]
  if not name or not version then
    name, version = key:match('^Label:(.*)@([^@]*)$')
    if not name then return end
  end
  local record = 'atdata:name:' .. name
  local known = redis.call('HGET', record, '@' .. version)
  if known == cid then return end
  local points = '@' .. version .. '\0' .. name
  if known then
    redis.call('HDEL', references(known), points)
    redis.call('HINCRBY', references(known), 'rev', 1)
  end
  redis.call('HSET', references(cid), points, '')
  redis.call('HINCRBY', references(cid), 'rev', 1)
  local age = redis.call('HINCRBY', record, 'rev', 1)
  redis.call('HSET', record, '@' .. version, cid, '#' .. version, age)
  -- Of several that are new nobody knows which was the last; the one without a version counts.
  if version == '' then
    redis.call('HSET', record, 'latest', '', 'plain', ARGV[1])
  elseif redis.call('HGET', record, 'plain') ~= ARGV[1] then
    redis.call('HSET', record, 'latest', version)
  end
  redis.call('ZADD', 'atdata:labels', 0, name .. '\0' .. version)
  adopted = adopted + 1
end

for n = 2, #ARGV do
  if ARGV[n]:sub(1, 6) == 'Label:' then adopt_label(ARGV[n]) else adopt_entry(ARGV[n]) end
end
local more = redis.call('DBSIZE') - before
if more ~= 0 then redis.call('HINCRBY', KEYS[1], 'keys', more) end
return adopted
