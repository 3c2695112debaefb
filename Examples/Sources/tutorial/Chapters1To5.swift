// Coroutines, tasks, gather, errors, deadlines.

import AsyncCore

// 1. A first coroutine.

@Sendable func firstSteps() async throws {
    print("Hello …")
    try await sleep(for: .seconds(1))
    print("… world")
}

// 2. Tasks that run together.

func say(_ text: String, after delay: Duration) async throws {
    try await sleep(for: delay)
    print(text)
}

@Sendable func tasks() async throws {
    // One after the other: three seconds.
    try await say("one", after: .seconds(1))
    try await say("two", after: .seconds(2))

    // Together: two seconds.
    let first = spawn { try await say("three", after: .seconds(1)) }
    let second = spawn { try await say("four", after: .seconds(2)) }
    try await first.value
    try await second.value
}

// 3. Gather: all results, in the order in which they were asked for.

func square(_ number: Int) async throws -> Int {
    try await sleep(for: .milliseconds(100 * (5 - number)))
    print("squared \(number)")
    return number * number
}

@Sendable func gathering() async throws {
    // Different types: a tuple.
    let (four, text) = try await gather({ try await square(2) }, { "two squared" })
    print("\(text): \(four)")

    // One type, any number of them, and two at a time at most.
    let squares = try await gather(1...4, limit: 2) { try await square($0) }
    print(squares)
}

// 4. Errors.

struct OutOfPaper: Error {}

func printPage(_ number: Int) async throws -> String {
    try await sleep(for: .milliseconds(50 * number))
    if number == 2 { throw OutOfPaper() }
    return "page \(number)"
}

@Sendable func errors() async throws {
    // An error comes out where the task is awaited.
    let page = spawn { try await printPage(2) }
    do {
        print(try await page.value)
    } catch is OutOfPaper {
        print("out of paper")
    }

    // The first error cancels the others of a gather, and waits for them.
    do {
        _ = try await gather(1...3) { try await printPage($0) }
    } catch {
        print("the whole document failed: \(error)")
    }

    // Or everybody's outcome, good or bad.
    let pages = (1...3).map { number in spawn { try await printPage(number) } }
    for result in await gatherResults(pages) {
        switch result {
        case .success(let page): print("printed \(page)")
        case .failure(let error): print("failed: \(error)")
        }
    }
}

// 5. Deadlines and cancellation.

@Sendable func deadlines() async throws {
    do {
        try await withTimeout(.milliseconds(200)) { try await sleep(for: .seconds(10)) }
    } catch is TimeoutError {
        print("that took too long")
    }

    let worker = spawn {
        do {
            while true { try await say("working …", after: .milliseconds(100)) }
        } catch is CancellationError {
            print("cancelled: cleaning up")
        }
    }
    try await sleep(for: .milliseconds(350))
    worker.cancel()
    try await worker.value
}
