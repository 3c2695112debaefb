import AsyncCoreTestSupport
import Glibc
import Testing

@testable import AsyncCore

/// A child process that has a descriptor of ours for its standard input, until it is ended.
private final class Holder {
    private let pid: pid_t

    init(of descriptor: CInt) throws {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, descriptor, STDIN_FILENO)
        for output in [STDOUT_FILENO, STDERR_FILENO] {
            posix_spawn_file_actions_addopen(&actions, output, "/dev/null", O_WRONLY, 0)
        }
        var words = ["/bin/sleep", "60", nil].map { $0.flatMap { strdup($0) } }
        defer { for word in words { free(word) } }
        var child: pid_t = 0
        let result = posix_spawn(&child, "/bin/sleep", &actions, nil, &words, nil)
        if result != 0 { throw SystemError(errno: result) }
        pid = child
    }

    deinit {
        kill(pid, SIGKILL)
        waitpid(pid, nil, 0)
    }
}

/// Connections that a child process holds, too: the kernel keeps them, and reports of them, until both
/// have closed them.
@Suite(.watched)
struct InheritedDescriptorTests {
    @Test func `what a child holds of a closed connection is no event of ours (A4)`() async throws {
        try await onLoop {
            let (near, far) = try await makePair()
            var holder: Holder? = try Holder(of: near.descriptor)
            await near.close()
            let reader = spawn { try await far.read(upTo: 1) }
            try await far.write("nobody reads this")
            let before = currentLoop.statistics
            try await settle(200)
            let after = currentLoop.statistics
            // One or two of the far end's may have been on their way.
            #expect(after.events <= before.events + 2)
            #expect(after.staleEvents == before.staleEvents)
            #expect(!reader.isFinished, "the connection is open, in the child")
            withExtendedLifetime(holder) {}
            holder = nil
            #expect(await reader.result.ioCode == .connectionReset, "with unread bytes it is reset")
            await far.close()
        }
    }

    @Test func `a connection that a child holds ends for the peer at a half-close (A4)`()
        async throws
    {
        try await onLoop {
            try await withPair { near, far in
                let holder = try Holder(of: near.descriptor)
                try await near.write("x")
                try await near.finishWriting()
                await near.close()
                #expect(try await far.readAll() == Array("x".utf8))
                withExtendedLifetime(holder) {}
            }
        }
    }
}
