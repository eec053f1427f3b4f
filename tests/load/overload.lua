-- For wrk: requests from files, each connection sending one now and then whatever the answers are.
-- Arguments: a folder of files 1, 2, …, their number, and the mean pause between a connection's requests in ms.
-- Without a function of ours for each answer, which would make a table of its headers: wrk shares the server's cores.

function init(arguments)
   requests, number, pause = {}, 0, tonumber(arguments[3])
   for i = 1, tonumber(arguments[2]) do
      local file = io.open(arguments[1] .. "/" .. i, "rb")
      requests[i] = file:read("*a")
      file:close()
   end
end

function delay()
   return math.random(0, 2 * pause)
end

function request()
   number = number % #requests + 1
   return requests[number]
end

function done(summary)
   local errors = summary.errors
   print(string.format('{"answered": %d, "refused": %d, "broken": %d, "seconds": %f}',
      summary.requests, errors.status, errors.connect + errors.read + errors.write, summary.duration / 1e6))
end
