-- For wrk: requests from files, each connection sending one now and then whatever the answers are; counts by status.
-- Arguments: a folder of files 1, 2, …, their number, and the mean pause between a connection's requests in ms.

local threads = {}

function setup(thread)
   table.insert(threads, thread)
end

function init(arguments)
   requests, number, pause = {}, 0, tonumber(arguments[3])
   for i = 1, tonumber(arguments[2]) do
      local file = io.open(arguments[1] .. "/" .. i, "rb")
      requests[i] = file:read("*a")
      file:close()
   end
   accepted, refused, unexplained, other = 0, 0, 0, 0
end

function delay()
   return math.random(0, 2 * pause)
end

function request()
   number = number % #requests + 1
   return requests[number]
end

function response(status, headers)
   if status == 200 then
      accepted = accepted + 1
   elseif status == 429 then
      refused = refused + 1
      if not headers["Retry-After"] then unexplained = unexplained + 1 end
   else
      other = other + 1
   end
end

function done(summary)
   local sum = { accepted = 0, refused = 0, unexplained = 0, other = summary.errors.connect + summary.errors.read }
   for _, thread in ipairs(threads) do
      for name in pairs(sum) do sum[name] = sum[name] + thread:get(name) end
   end
   print(string.format('{"accepted": %d, "refused": %d, "unexplained": %d, "other": %d, "seconds": %f}',
      sum.accepted, sum.refused, sum.unexplained, sum.other, summary.duration / 1e6))
end
