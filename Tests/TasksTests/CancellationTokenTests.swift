import AsyncCoreTestSupport
import Testing

@testable import AsyncCore

/// Cancellation tokens: S258-S260.
@Suite(.watched)
struct CancellationTokenTests {
    @Test func `cancelling a parent cancels all descendants, those made later too (S258)`() {
        let parent = CancellationToken()
        let child = parent.child()
        let grandchild = child.child()
        #expect(parent.cancel("stop"))
        #expect(!parent.cancel("again"))
        #expect(child.isCancelled && grandchild.isCancelled)
        #expect(grandchild.reason == "stop")
        let late = grandchild.child()
        #expect(late.reason == "stop")
        #expect(parent.statistics.children == 0)
    }

    @Test func `cancelling a child leaves parent and siblings alone (S259)`() {
        let parent = CancellationToken()
        let (one, two) = (parent.child(), parent.child())
        let grandchild = one.child()
        one.cancel("alone")
        #expect(!parent.isCancelled && !two.isCancelled)
        #expect(grandchild.isCancelled)
        parent.cancel("all")
        #expect(one.reason == "alone")
        #expect(two.reason == "all")
    }

    @Test func `a grandchild hears its grandparent though what lies between was let go (S260)`() {
        for isLetGoFirst in [true, false] {
            let root = CancellationToken()
            var middle: CancellationToken? = root.child()
            let leaf = middle?.child()
            if isLetGoFirst { middle = nil }
            root.cancel()
            middle = nil
            #expect(leaf?.isCancelled == true)
        }
    }

    @Test func `a parent does not keep its children, nor count those that are gone`() {
        let parent = CancellationToken()
        weak var gone: CancellationToken?
        do {
            let child = parent.child()
            gone = child
            #expect(parent.statistics.children == 1)
        }
        #expect(gone == nil)
        #expect(parent.statistics.children == 0)
        parent.cancel()
    }

    @Test func `a line of a thousand descendants is cancelled`() {
        var line = [CancellationToken()]
        for _ in 0..<1_000 { line.append(line[line.count - 1].child()) }
        line[0].cancel()
        #expect(line.allSatisfy { $0.isCancelled })
    }

    @Test func `those who wait go on when the token is cancelled`() async throws {
        try await onFakeClock {
            let token = CancellationToken()
            let child = token.child()
            let tasks = (0..<3).map { _ in spawn { try await child.wait() } }
            try await settle()
            #expect(child.statistics.waiting == 3)
            token.cancel()
            _ = try await gather(tasks)
            try await token.wait()
            #expect(child.statistics.waiting == 0)
        }
    }

    @Test func `a waiting task that is cancelled, before, meanwhile and in the very turn`()
        async throws
    {
        try await onFakeClock {
            let token = CancellationToken()
            let before = spawn { try await token.wait() }
            before.cancel()
            await #expect(throws: CancellationError.self) { try await before.value }
            let meanwhile = spawn { try await token.wait() }
            try await settle()
            meanwhile.cancel()
            await #expect(throws: CancellationError.self) { try await meanwhile.value }
            #expect(token.statistics.waiting == 0)
            for isTokenFirst in [true, false] {
                let other = CancellationToken()
                let waiting = spawn { try await other.wait() }
                try await settle()
                if isTokenFirst { other.cancel() }
                waiting.cancel()
                other.cancel()
                if isTokenFirst {
                    try await waiting.value
                } else {
                    await #expect(throws: CancellationError.self) { try await waiting.value }
                }
            }
        }
    }

    @Test func `a body under a token ends with it; others, and the caller, go on`() async throws {
        try await onFakeClock {
            let root = CancellationToken()
            let (one, two) = (root.child(), root.child())
            let first = spawn { try await one.run { try await sleep(for: .hour) } }
            let second = spawn {
                try await two.run {
                    try await sleep(for: .seconds(2))
                    return 2
                }
            }
            try await settle()
            #expect(one.statistics.running == 1)
            one.cancel()
            let ended: Void? = try await first.value
            #expect(ended == nil)
            #expect(!first.isCancelled)
            #expect(try await second.value == 2)
            #expect(one.statistics.running == 0 && two.statistics.running == 0)
        }
    }

    @Test func `under a token that is cancelled already a body ends at its first suspension`()
        async throws
    {
        try await onFakeClock {
            let token = CancellationToken()
            token.cancel()
            let steps = Recorder<Int>()
            let value: Void? = try await token.run {
                steps.append(1)
                try await yield()
                steps.append(2)
            }
            #expect(value == nil)
            #expect(steps.elements == [1])
            await #expect(throws: Failure.self) { try await token.run { throw Failure() } }
        }
    }

    @Test func `a cancelled caller ends the body, and is not taken for the token`() async throws {
        try await onFakeClock {
            let token = CancellationToken()
            let caller = spawn { try await token.run { try await sleep(for: .hour) } }
            try await settle()
            caller.cancel()
            await #expect(throws: CancellationError.self) { try await caller.value }
            #expect(!token.isCancelled)
        }
    }

    @Test func `a token works off any loop, and across threads`() async throws {
        let token = CancellationToken()
        let loop = try EventLoop.start(configuration: .quiet)
        let entered = try AsyncSemaphore(0)
        let onLoop = loop.spawn {
            try await token.child().run {
                try entered.release()
                try await sleep(for: .hour)
            }
        }
        let elsewhere = Task {
            try await token.run {
                try entered.release()
                try await Task.sleep(for: .hour)
            }
        }
        try await entered.acquire(2)
        token.cancel()
        let ends = (try await onLoop.value, try await elsewhere.value)
        #expect(ends.0 == nil && ends.1 == nil)
        try await loop.shutdown()
    }

    @Test func `children made, cancelled and let go by two threads: nobody is overlooked`()
        async throws
    {
        try await onThread {
            for _ in 0..<200 {
                let root = CancellationToken()
                let made = Recorder<CancellationToken>()
                try onThreads(2) { number in
                    for _ in 0..<20 {
                        let child = root.child()
                        made.append(child.child())
                        if number == 1, made.count > 15 { root.cancel() }
                    }
                }
                root.cancel()
                #expect(made.elements.allSatisfy { $0.isCancelled })
            }
        }
    }
}
