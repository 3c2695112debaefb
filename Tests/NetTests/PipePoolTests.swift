import CEventLoopTestSupport
import Glibc
import Testing

@testable import AsyncCore

/// What splices are made of: whether to, and the pipes.
struct PipePoolTests {
    @Test func `some large reads in a row begin a splice, and some small slices end it`() {
        var flow = SpliceFlow()
        for _ in 0..<3 {
            for _ in 1..<SpliceFlow.inARow { flow.noteCopied(SpliceFlow.large) }
            flow.noteCopied(SpliceFlow.large - 1)
            for _ in 1..<SpliceFlow.inARow { flow.noteCopied(SpliceFlow.large) }
            #expect(!flow.splices)
            flow.noteCopied(SpliceFlow.large)
            #expect(flow.splices)
            for _ in 1..<SpliceFlow.inARow { flow.noteSpliced(SpliceFlow.large - 1) }
            flow.noteSpliced(SpliceFlow.large)
            for _ in 1..<SpliceFlow.inARow { flow.noteSpliced(SpliceFlow.large - 1) }
            #expect(flow.splices)
            flow.noteSpliced(1)
            #expect(!flow.splices)
        }
    }

    @Test func `a flow that is put off is tried again, one that is refused is not`() {
        var flow = SpliceFlow()
        for _ in 0..<SpliceFlow.inARow { flow.noteCopied(65_536) }
        flow.postpone()
        #expect(!flow.splices)
        for _ in 0..<SpliceFlow.inARow { flow.noteCopied(65_536) }
        #expect(flow.splices)
        flow.refuse()
        for _ in 0..<100 { flow.noteCopied(65_536) }
        #expect(!flow.splices)
    }

    @Test func `pipes are lent up to a limit, some are kept, and none when nobody splices`() throws
    {
        let before = script_open_descriptors()
        let pool = PipePool(SystemCalls(table: script_sys()))
        pool.enter()
        pool.enter()
        var pipes: [TransferPipe] = []
        while let pipe = pool.take() { pipes.append(pipe) }
        #expect(pipes.count == PipePool.limit)
        #expect(script_open_descriptors() == before + 2 * Int64(PipePool.limit))
        for pipe in pipes { pool.takeBack(pipe) }
        #expect(pool.lent == 0)
        #expect(pool.idleCount == PipePool.idleLimit)
        #expect(script_open_descriptors() == before + 2 * Int64(PipePool.idleLimit))
        pool.leave()
        #expect(pool.idleCount == PipePool.idleLimit)
        let lent = try #require(pool.take())
        pool.leave()
        #expect(pool.idleCount == 0)
        #expect(script_open_descriptors() == before + 2)
        // One that comes back late is not kept.
        pool.takeBack(lent)
        #expect(script_open_descriptors() == before)
    }

    @Test func `a pool that goes closes what it keeps`() throws {
        let before = script_open_descriptors()
        do {
            let pool = PipePool(SystemCalls(table: script_sys()))
            pool.enter()
            pool.takeBack(try #require(pool.take()))
            #expect(script_open_descriptors() == before + 2)
        }
        #expect(script_open_descriptors() == before)
    }

    @Test func `a pipe has room for a slice`() throws {
        let pool = PipePool(SystemCalls(table: script_sys()))
        pool.enter()
        script_fail(SCRIPT_PIPE2, 1, 1, EMFILE)
        #expect(pool.take() == nil)
        let calls = script_count(SCRIPT_FCNTL)
        let pipe = try #require(pool.take())
        #expect(script_count(SCRIPT_FCNTL) == calls + 1)
        pool.takeBack(pipe)
        pool.leave()
    }
}
