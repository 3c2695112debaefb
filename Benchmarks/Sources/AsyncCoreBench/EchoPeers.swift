import CBenchSupport
import Dispatch
import Glibc

/// The yardstick: `bench_serve_epoll`.
enum EchoEpoll {
    static func serve() throws {
        let listener = try LoopbackListener()
        announce("port \(listener.port)")
        try check(bench_serve_epoll(listener.descriptor), "serve")
    }
}

/// A read source for each connection, all on one serial queue: Dispatch as a plain event loop.
enum EchoDispatch {
    static func serve() throws {
        let listener = try LoopbackListener()
        let queue = DispatchQueue(label: "echo")
        let server = DispatchEchoServer(listener: listener.descriptor, queue: queue)
        server.start()
        announce("port \(listener.port)")
        dispatchMain()
    }
}

/// SAFETY of `@unchecked Sendable`: `connections` and `buffer` are used in handlers alone, and all
/// handlers run on the one serial queue.
private final class DispatchEchoServer: @unchecked Sendable {
    private let listener: Int32
    private let queue: DispatchQueue
    private let accepting: any DispatchSourceRead
    private var connections: [Int32: any DispatchSourceRead] = [:]
    private let buffer = UnsafeMutableRawBufferPointer.allocate(
        byteCount: Int(BENCH_MAX_MESSAGE), alignment: 16)

    init(listener: Int32, queue: DispatchQueue) {
        self.listener = listener
        self.queue = queue
        accepting = DispatchSource.makeReadSource(fileDescriptor: listener, queue: queue)
    }

    func start() {
        accepting.setEventHandler { self.accept() }
        accepting.resume()
    }

    private func accept() {
        while case let descriptor = bench_accept(listener), descriptor >= 0 {
            let source = DispatchSource.makeReadSource(fileDescriptor: descriptor, queue: queue)
            source.setEventHandler { self.echo(descriptor) }
            source.setCancelHandler { _ = close(descriptor) }
            connections[descriptor] = source
            source.resume()
        }
    }

    private func echo(_ descriptor: Int32) {
        let count = read(descriptor, buffer.baseAddress, buffer.count)
        if count < 0, errno == EAGAIN || errno == EINTR { return }
        guard count > 0, write(descriptor, buffer.baseAddress, count) == count else {
            connections.removeValue(forKey: descriptor)?.cancel()
            return
        }
    }
}
