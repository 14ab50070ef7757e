#!lua
-- Lends a shard that nobody has, or whose worker was not heard of for the time of its lease: job, shard, attempt, token.
-- Without one it says how many have not ended; nothing if there is no queue.
-- A question that was answered before gets the same answer, or -1 if that lease has ended: clients send again what the
-- server may have done.
-- KEYS: see `Keys`. ARGV: worker; who asks, and the number of the question; milliseconds of the lease; tries.
local meta, jobs, leases, tries, results, dead = unpack(KEYS)
local worker, asker, question, time, most = ARGV[1], '?' .. ARGV[2], ARGV[3], ARGV[4], tonumber(ARGV[5])
local total = redis.call('HGET', meta, 'total')
if not total then return false end

local answered = redis.call('HGET', leases, asker)
if answered then
  local last, job, token, attempt, shard = answered:match('^(%d+) (%S+) (%d+) (%d+) (.*)$')
  if tonumber(question) <= tonumber(last) then
    local lease = redis.call('HGET', leases, job)
    if question ~= last or not lease or lease:match('^%d+') ~= token then return -1 end
    return { job, shard, tonumber(attempt), tonumber(token) }
  end
end

local function lend(job, shard)
  local attempt = redis.call('HINCRBY', tries, shard, 1)
  local token = redis.call('HINCRBY', meta, 'token', 1)
  redis.call('HSET', leases, job, token .. ' ' .. time)
  redis.call('HSET', leases, asker, table.concat({ question, job, token, attempt, shard }, ' '))
  return { job, shard, attempt, token }
end

local function bury(job, shard)
  local attempts = redis.call('HGET', tries, shard)
  redis.call('XADD', dead, '*', 'shard', shard, 'message', 'the worker has vanished', 'attempts', attempts)
  redis.call('XACK', jobs, 'workers', job)
  redis.call('XDEL', jobs, job)
  redis.call('HDEL', leases, job)
end

local new = redis.call('XREADGROUP', 'GROUP', 'workers', worker, 'COUNT', 1, 'STREAMS', jobs, '>')
if new then
  local entry = new[1][2][1]
  return lend(entry[1], entry[2][2])
end

local from = '-'
repeat
  local page = redis.call('XPENDING', jobs, 'workers', from, '+', 100)
  for _, pending in ipairs(page) do
    local job, idle = pending[1], pending[3]
    -- The time is that of its own lease: other workers may have other ones.
    local lease = redis.call('HGET', leases, job)
    if not lease or idle >= tonumber(lease:match(' (%d+)$')) then
      local entry = redis.call('XCLAIM', jobs, 'workers', worker, 0, job)[1]
      if entry then
        local shard = entry[2][2]
        if tonumber(redis.call('HGET', tries, shard) or 0) < most then return lend(job, shard) end
        bury(job, shard)
      end
    end
    from = '(' .. job
  end
until #page < 100

local left = tonumber(total) - redis.call('HLEN', results) - redis.call('XLEN', dead)
if left == 0 then
  redis.call('XGROUP', 'DELCONSUMER', jobs, 'workers', worker)
  redis.call('DEL', leases)
end
return left
