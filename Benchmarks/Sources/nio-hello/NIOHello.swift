// The page of the example http-hello, served as SwiftNIO's own HTTP example serves one: the usual
// pipeline, one handler, and the options that it sets.

import Glibc
import NIOCore
import NIOHTTP1
import NIOPosix

@main
enum NIOHello {
    /// Prints the line `listening on HOST:PORT`, then serves until it is killed.
    static func main() throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let bootstrap = ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 256)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    try pipeline.configureHTTPServerPipeline(withErrorHandling: true)
                    try pipeline.addHandler(HelloHandler())
                }
            }
            .childChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.maxMessagesPerRead, value: 1)
        let channel = try bootstrap.bind(host: "127.0.0.1", port: 0).wait()
        print("listening on 127.0.0.1:\(channel.localAddress?.port ?? 0)")
        fflush(nil)
        try channel.closeFuture.wait()
    }
}

/// Answers each request of a connection with the page.
private final class HelloHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private var body = ByteBuffer()
    private var keepsAlive = true

    func handlerAdded(context: ChannelHandlerContext) {
        body = context.channel.allocator.buffer(string: "Hello, world!\n")
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch Self.unwrapInboundIn(data) {
        case .head(let request):
            keepsAlive = request.isKeepAlive
            var head = HTTPResponseHead(version: request.version, status: .ok)
            head.headers.add(name: "Content-Type", value: "text/plain")
            head.headers.add(name: "Content-Length", value: "\(body.readableBytes)")
            context.write(Self.wrapOutboundOut(.head(head)), promise: nil)
        case .body: break
        case .end:
            context.write(Self.wrapOutboundOut(.body(.byteBuffer(body))), promise: nil)
            let promise = keepsAlive ? nil : context.eventLoop.makePromise(of: Void.self)
            if let promise { context.close(after: promise.futureResult) }
            context.writeAndFlush(Self.wrapOutboundOut(.end(nil)), promise: promise)
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        context.flush()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }
}

extension ChannelHandlerContext {
    /// Closes the connection once the last answer is written.
    fileprivate func close(after written: EventLoopFuture<Void>) {
        let bound = loopBound
        written.whenComplete { _ in bound.value.close(promise: nil) }
    }
}
