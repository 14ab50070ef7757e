#!lua
-- Changes keys if they are as they were when the change was made up; says whether it has done so.
-- KEYS: the key of the index's state, then others of the same node. ARGV: whether keys are counted; guards; commands.
local at = 1
local function take()
  at = at + 1
  return ARGV[at - 1]
end

local counted = take() == '1'
for _ = 1, tonumber(take()) do
  local key, field, has, value = take(), take(), take(), take()
  local found
  if field == '' then
    found = redis.call('EXISTS', key) == 1
  else
    found = redis.call('HGET', key, field)
  end
  if has == '1' then
    if found ~= value then return 0 end
  elseif found then
    return 0
  end
end

local before = counted and redis.call('DBSIZE')
for _ = 1, tonumber(take()) do
  local command = {}
  for n = 1, tonumber(take()) do command[n] = take() end
  redis.call(unpack(command))
end
if counted and redis.call('HEXISTS', KEYS[1], 'keys') == 1 then
  local more = redis.call('DBSIZE') - before
  if more ~= 0 then redis.call('HINCRBY', KEYS[1], 'keys', more) end
end
return 1
