// The first program of every asyncio tutorial, then the next steps: an error, and a semaphore.

import AsyncCore

@main
struct Quickstart {
    static func main() throws {
        try EventLoop.run {
            try await threeTasks()
            await anError()
            try await aSemaphore()
        }
    }
}

// 1. Tasks that run concurrently, and their results.

func work(_ seconds: Int) async throws -> Int {
    print("Task started: \(seconds)")
    try await sleep(for: .seconds(seconds))
    print("Task finished: \(seconds)")
    return seconds * 2
}

func threeTasks() async throws {
    let one = spawn { try await work(2) }
    let two = spawn { try await work(1) }
    let three = spawn { try await work(3) }
    print("Results:", try await gather(one, two, three))
}

// 2. An error travels to whoever awaits the task.

struct BadNumber: Error {
    let number: Int
}

func divide(_ a: Int, by b: Int) async throws -> Int {
    try await sleep(for: .milliseconds(100))
    if b == 0 { throw BadNumber(number: b) }
    return a / b
}

func anError() async {
    do {
        let quotient = spawn { try await divide(10, by: 0) }
        print("Quotient:", try await quotient.value)
    } catch let error as BadNumber {
        print("Caught: cannot divide by \(error.number)")
    } catch {
        print("Caught: \(error)")
    }
}

// 3. Ten tasks, of which a semaphore lets three work at a time.

func aSemaphore() async throws {
    let semaphore = try AsyncSemaphore(3)
    let workers = (1...10).map { number in
        spawn(name: "worker \(number)") {
            try await semaphore.withPermit {
                print("Worker \(number) works")
                try await sleep(for: .milliseconds(200))
            }
        }
    }
    _ = try await gather(workers)
    print("All workers are done")
}
