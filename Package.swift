// swift-tools-version: 6.2
import PackageDescription

let swiftSettings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .enableUpcomingFeature("InferIsolatedConformances"),
    // For a property of our own that is a span.
    .enableExperimentalFeature("Lifetimes"),
    .strictMemorySafety(),
    .treatAllWarnings(as: .error),
]

let testSettings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .treatAllWarnings(as: .error),
]

let package = Package(
    name: "AsyncCore",
    products: [
        .library(name: "AsyncCore", targets: ["AsyncCore"]),
        .library(name: "AsyncCoreTesting", targets: ["AsyncCoreTesting"]),
        .library(name: "CEventLoop", targets: ["CEventLoop"]),
    ],
    targets: [
        .target(
            name: "CEventLoop",
            cSettings: [
                .define("_GNU_SOURCE"),
                .enableWarning("all"),
                .enableWarning("extra"),
                .treatAllWarnings(as: .error),
            ]),
        .target(
            name: "CSwiftRuntime",
            cSettings: [.enableWarning("all"), .treatAllWarnings(as: .error)]),
        .target(
            name: "AsyncCore", dependencies: ["CEventLoop", "CSwiftRuntime"],
            swiftSettings: swiftSettings),
        .target(
            name: "AsyncCoreTesting", dependencies: ["AsyncCore"], swiftSettings: swiftSettings),
        .target(
            name: "CEventLoopTestSupport", dependencies: ["CEventLoop"],
            path: "Tests/CEventLoopTestSupport",
            cSettings: [.define("_GNU_SOURCE")]),
        .testTarget(
            name: "CEventLoopTests", dependencies: ["CEventLoop", "CEventLoopTestSupport"],
            swiftSettings: testSettings),
        .target(
            name: "AsyncCoreTestSupport", dependencies: ["AsyncCore"],
            path: "Tests/AsyncCoreTestSupport", swiftSettings: testSettings),
        // The first example needs no package but this one; the others are in Examples/.
        .executableTarget(
            name: "quickstart", dependencies: ["AsyncCore"], path: "Examples/Sources/quickstart",
            swiftSettings: testSettings),
        .executableTarget(
            name: "ProgramModeProbe", dependencies: ["AsyncCore"],
            path: "Tests/ProgramModeProbe", swiftSettings: testSettings),
        .testTarget(
            name: "LoopTests",
            dependencies: [
                "AsyncCore", "AsyncCoreTesting", "AsyncCoreTestSupport", "CEventLoop",
                "CEventLoopTestSupport", "ProgramModeProbe",
            ],
            swiftSettings: testSettings),
        .testTarget(
            name: "SyncTests",
            dependencies: [
                "AsyncCore", "AsyncCoreTesting", "AsyncCoreTestSupport", "CEventLoop",
                "CEventLoopTestSupport",
            ],
            swiftSettings: testSettings),
        .testTarget(
            name: "TasksTests",
            dependencies: [
                "AsyncCore", "AsyncCoreTesting", "AsyncCoreTestSupport", "CEventLoop",
                "CEventLoopTestSupport",
            ],
            swiftSettings: testSettings),
        .testTarget(
            name: "StreamsTests",
            dependencies: ["AsyncCore", "AsyncCoreTesting", "AsyncCoreTestSupport"],
            swiftSettings: testSettings),
        .testTarget(
            name: "NetTests",
            dependencies: [
                "AsyncCore", "AsyncCoreTesting", "AsyncCoreTestSupport", "CEventLoop",
                "CEventLoopTestSupport",
            ],
            swiftSettings: testSettings),
        .testTarget(
            name: "AsyncCoreTestingTests",
            dependencies: ["AsyncCore", "AsyncCoreTesting", "AsyncCoreTestSupport"],
            swiftSettings: testSettings),
    ],
    swiftLanguageModes: [.v6],
    cLanguageStandard: .c17
)
