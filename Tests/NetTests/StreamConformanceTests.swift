import AsyncCoreTestSupport
import AsyncCoreTesting
import Glibc
import Testing

@testable import AsyncCore

/// Every stream on a socket keeps the promises of streams.
@Suite(.watched)
struct StreamConformanceTests {
    enum Kind: CaseIterable, Sendable {
        case tcp, unix, unixPair

        func make() async throws -> (any ByteStream, any ByteStream) {
            switch self {
            case .tcp:
                return try await makePair()
            case .unixPair:
                return try UnixStream.pair()
            case .unix:
                let address = UnixAddress.abstract("conformance \(getpid())")
                let listener = try UnixListener.bind(to: address)
                let near = try await UnixStream.connect(to: address)
                let far = try await listener.accept()
                await listener.close()
                return (near, far)
            }
        }
    }

    @Test(arguments: Kind.allCases)
    func `a stream keeps its promises, and leaves no descriptor`(kind: Kind) async throws {
        try await onScriptedLoop {
            try await checkByteStream { try await kind.make() }
        }
    }

    @Test(arguments: Kind.allCases)
    func `a stream keeps its promises in an actor that others share`(kind: Kind) async throws {
        let checker = Checker()
        try await onLoop { try await checker.check(kind) }
    }

    @Test(arguments: [ShortTransfers.Rule.oneByteOrNothing, .few], [Kind.tcp, .unixPair])
    func `bytes stay exact when calls move few, and would often block (D5, S526)`(
        rule: ShortTransfers.Rule, kind: Kind
    ) async throws {
        try await onScriptedLoop(rule.calls) {
            let (near, far) = try await kind.make()
            let reader = BufferedReader(far)
            let writer = spawn {
                let writer = BufferedWriter(near, capacity: 100)
                for number in 0..<300 { try await writer.write("line \(number)\r\n") }
                try await writer.finishWriting()
            }
            var number = 0
            for try await line in reader.lines() {
                #expect(line == "line \(number)")
                number += 1
            }
            #expect(number == 300)
            try await writer.value
            await near.close()
            await far.close()
        }
    }

    private actor Checker {
        func check(_ kind: Kind) async throws {
            let (near, far) = try await kind.make()
            try await near.write(contentsOf: [Array("one\n".utf8), Array("two".utf8)])
            try await near.finishWriting()
            let reader = BufferedReader(far)
            #expect(try await reader.readLine() == "one")
            #expect(try await reader.readToEnd(limit: 9) == Array("two".utf8))
            await near.close()
            await far.close()
        }
    }
}
