// What tasks share: semaphores, queues, events, locks; and a scope for tasks that belong together.

import AsyncCore

// 6. A semaphore: at most so many at a time.

@Sendable func semaphore() async throws {
    let seats = try AsyncSemaphore(2)
    let guests = (1...5).map { number in
        spawn(name: "guest \(number)") {
            try await seats.withPermit {
                print("guest \(number) sits down")
                try await sleep(for: .milliseconds(200))
                print("guest \(number) leaves")
            }
        }
    }
    _ = try await gather(guests)
}

// 7. A queue: work flows from producers to consumers, and a full queue holds the producers up.

@Sendable func queue() async throws {
    let orders = AsyncQueue<Int>(capacity: 3)
    let cooks = (1...2).map { number in
        spawn(name: "cook \(number)") {
            for try await order in orders {
                try await sleep(for: .milliseconds(100))
                print("cook \(number) made order \(order)")
                try orders.taskDone()
            }
        }
    }
    for order in 1...6 {
        try await orders.put(order)
        print("order \(order) is taken")
    }
    try await orders.join()  // until every order was made
    orders.shutdown()  // the cooks' loops end
    _ = try await gather(cooks)
}

// 8. An event: everybody waits for one thing to happen.

@Sendable func event() async throws {
    let start = AsyncEvent()
    let runners = (1...3).map { number in
        spawn {
            try await start.wait()
            print("runner \(number) runs")
        }
    }
    try await say("ready … steady … go!", after: .milliseconds(300))
    start.set()
    _ = try await gather(runners)
}

// 9. A lock: one at a time, also across an await.

@Sendable func lock() async throws {
    let balance = AsyncMutex(100)
    let payments = (1...3).map { number in
        spawn {
            try await balance.withLock { balance in
                let before = balance
                try await sleep(for: .milliseconds(50))  // nobody else gets in meanwhile
                balance = before - 10
                print("payment \(number): \(balance) left")
            }
        }
    }
    _ = try await gather(payments)
}

// 10. A scope: tasks that belong together end together.

@Sendable func scope() async throws {
    try await withTaskScope { scope in
        scope.spawn { try await say("the first child", after: .milliseconds(100)) }
        scope.spawn { try await say("the second child", after: .milliseconds(200)) }
        print("the body is done; the scope waits for its children")
    }
    print("all of them have ended")
}
