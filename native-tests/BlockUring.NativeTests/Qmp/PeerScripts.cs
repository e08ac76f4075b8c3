namespace BlockUring.NativeTests.Qmp;

/// <summary>What is sent to both monitors. A script that starts with "raw:" is sent without a negotiation in front.</summary>
internal static class PeerScripts
{
    /// <summary>What follows is sent after the answers to what stands before: out-of-band requests overtake others whenever they can.</summary>
    public const string Pause = "\n---\n";

    private const string Set = "{\"execute\":\"qom-set\",\"arguments\":{\"path\":\"t1\",\"property\":";

    public static IReadOnlyList<(string Name, string[] Lines)> All { get; } =
    [
        ("negotiation", [
            "raw:", """{"execute":"query-version"}""", """{"execute":"nothing","id":1}""", """{"exec-oob":"qmp_capabilities"}""", "[]", "{}",
            """{"execute":"qmp_capabilities","arguments":{"enable":["foo"]}}""", """{"execute":"qmp_capabilities","arguments":{"enable":"oob"}}""",
            """{"execute":"qmp_capabilities","arguments":{"enable":[1]}}""", """{"execute":"qmp_capabilities","arguments":{"x":1}}""",
            """{"execute":"qmp_capabilities","arguments":{"enable":["oob","oob"]},"id":{"b":2,"a":1}}""", Pause, """{"execute":"qmp_capabilities"}""", Pause,
            """{"exec-oob":"query-version","id":1}""", """{"exec-oob":"nothing","id":1}""", """{"exec-oob":3}""", """{"exec-oob":null,"id":7}""", Pause,
            """{"execute":"query-version","exec-oob":"x"}""", """{"execute":"query-version"}""",
        ]),
        ("requests", [
            "{}", "[]", "1 ", "\"x\"", "null ", "true ", """{"execute":1}""", """{"execute":"nothing"}""", """{"foo":1}""", """{"execute":"query-version","foo":1}""",
            """{"execute":"query-version","arguments":1}""", """{"execute":"query-version","arguments":[]}""", """{"execute":"query-version","arguments":{}}""",
            """{"execute":"query-version","arguments":{"a":1}}""", """{"exec-oob":"query-version","id":"q"}""", """{"arguments":{}}""", """{"execute":null}""",
            """{"id":7}""", """{"id":7,"execute":3}""", """{"exec-oob":3}""", """{"execute":"query-version","exec-oob":"x"}""", """{"id":null,"execute":"quitx"}""",
            """{"execute":"query-version","id":{"z":[1,2.5,null,true,"\u00e9\u20ac\n\"\\/"],"y":{"m":1,"n":2,"o":3,"p":4,"q":5}}}""",
            """{"execute":"query-version","id":[18446744073709551615,-9223372036854775808,-9223372036854775809,1e400,0.1,1e-7,-0.0,-0,1e16,1e17]}""",
        ]),
        ("nesting", [
            string.Concat(Enumerable.Repeat("[", 1024)) + string.Concat(Enumerable.Repeat("]", 1024)),
            string.Concat(Enumerable.Repeat("{\"a\":", 1025)) + "1" + string.Concat(Enumerable.Repeat("}", 1025)),
        ]),
        ("iothread", [
            Add("""{"qom-type":"foo","id":"x"}"""), Add("""{"qom-type":"iothread"}"""), Add("""{"id":"iothread"}"""), Add("""{"qom-type":5,"id":"x"}"""),
            Add("""{"qom-type":"iothread","id":"i0","poll-max-ns":"x"}"""), Add("""{"qom-type":"iothread","id":"i0","poll-max-ns":-1}"""),
            Add("""{"qom-type":"iothread","id":"i 0"}"""), Add("""{"qom-type":"iothread","id":""}"""), Add("""{"qom-type":"iothread","id":"0i"}"""),
            Add("""{"qom-type":"iothread","id":"i1","foo":1}"""), Add("""{"qom-type":"iothread","id":"i0","poll-max-ns":5}"""), Add("""{"qom-type":"iothread","id":"i0"}"""),
            Ask("qom-list", """{"path":"i0"}"""), Ask("qom-list", """{"path":"/objects/i0"}"""), Ask("qom-list-properties", """{"typename":"iothread"}"""),
            Ask("qom-get", """{"path":"i0","property":"poll-max-ns"}"""), Ask("qom-get", """{"path":"i0","property":"aio-max-batch"}"""),
            Ask("qom-get", """{"path":"i0","property":"poll-grow"}"""), Ask("qom-get", """{"path":"i0","property":"thread-pool-max"}"""),
            Ask("qom-get", """{"path":"i0","property":"thread-pool-min"}"""),
            Ask("qom-set", """{"path":"i0","property":"poll-max-ns","value":-1}"""), Ask("qom-set", """{"path":"i0","property":"poll-max-ns","value":"x"}"""),
            Ask("qom-set", """{"path":"i0","property":"poll-max-ns","value":7}"""), Ask("qom-get", """{"path":"i0","property":"poll-max-ns"}"""),
            Ask("qom-set", """{"path":"i0","property":"poll-max-ns"}"""), Ask("qom-get", """{"path":"objects","property":"i0"}"""),
            Ask("object-del", """{"id":"x"}"""), Ask("object-del", """{"id":"/objects/i0"}"""), Ask("object-del", """{"id":"i0"}"""), Ask("object-del", """{"id":"i0"}"""),
        ]),
        ("throttle-group", [
            .. new[]
            {
                """{"iops-total":-1}""", """{"iops-total":10,"iops-read":10}""", """{"iops-total-max":10}""", """{"iops-total-max-length":10}""",
                """{"iops-total":10,"iops-total-max":5}""", """{"iops-total":10,"iops-total-max-length":0}""", """{"iops-size":10}""",
                """{"iops-total":1000000000000001}""", """{"iops-total":10,"iops-total-max":1000000000000000,"iops-total-max-length":10000}""",
                """{"iops-total":10,"iops-total-max-length":5}""", """{"bps-read":1,"bps-write-max":1}""", """{"iops-size":-1,"iops-total":1}""", "3", """{"foo":1}""",
                """{"bps-total":"x"}""", """{"iops-total":10,"iops-total-max-length":-1}""", """{"iops-total":10,"iops-total-max":20,"iops-total-max-length":-5}""",
            }.Select(l => Add($$"""{"qom-type":"throttle-group","id":"t0","limits":{{l}}}""")),
            Add("""{"qom-type":"throttle-group","id":"t0","limits":{"bps-total":1000,"bps-total-max":2000,"bps-total-max-length":2},"x-iops-total":7}"""),
            Add("""{"qom-type":"throttle-group","id":"t1","x-iops-total":7}"""), Add("""{"qom-type":"throttle-group","id":"t2","x-iops-total":7,"x-iops-read":9}"""),
            Add("""{"qom-type":"throttle-group","id":"t1"}"""),
            Ask("qom-get", """{"path":"t0","property":"limits"}"""), Ask("qom-get", """{"path":"/objects/t1","property":"limits"}"""),
            Ask("qom-get", """{"path":"t1","property":"x-iops-total"}"""), Ask("qom-get", """{"path":"t1","property":"foo"}"""), Ask("qom-get", """{"path":"t1","property":"type"}"""),
            Set + "\"x-iops-total\",\"value\":3}}", Set + "\"limits\",\"value\":3}}", Set + "\"limits\",\"value\":{\"foo\":3}}}",
            Set + "\"limits\",\"value\":{\"iops-total\":\"x\"}}}", Set + "\"limits\",\"value\":{\"iops-total\":4}}}", Set + "\"limits\",\"value\":{\"bps-total\":4}}}",
            Set + "\"limits\",\"value\":{\"iops-total\":4,\"iops-read\":3}}}", Set + "\"foo\",\"value\":1}}", Set + "\"type\",\"value\":\"x\"}}",
            Ask("qom-get", """{"path":"t1","property":"limits"}"""), Ask("qom-list", """{"path":"t1"}"""), Ask("qom-list-properties", """{"typename":"throttle-group"}"""),
        ]),
        ("secret", [
            Add("""{"qom-type":"secret","id":"s0"}"""), Add("""{"qom-type":"secret","id":"s0","data":"abc","file":"/x"}"""),
            Add("""{"qom-type":"secret","id":"s0","file":"/does/not/exist"}"""), Add("""{"qom-type":"secret","id":"s0","data":"abc!","format":"base64"}"""),
            Add("""{"qom-type":"secret","id":"s0","data":"abc","format":"hex"}"""), Add("""{"qom-type":"secret","id":"s0","data":"YWJj","format":"base64"}"""),
            Ask("qom-list", """{"path":"s0"}"""), Ask("qom-get", """{"path":"s0","property":"data"}"""), Ask("qom-get", """{"path":"s0","property":"format"}"""),
            Ask("qom-list-properties", """{"typename":"secret"}"""),
        ]),
        ("paths", [
            Ask("qom-list", """{"path":"/"}"""), Ask("qom-list", """{"path":"/objects"}"""), Ask("qom-list", """{"path":"objects"}"""), Ask("qom-list", """{"path":"zz"}"""),
            Ask("qom-list", """{"path":"/zz"}"""), Ask("qom-list", """{"path":""}"""), Ask("qom-get", """{"path":"zz","property":"foo"}"""),
            Ask("qom-set", """{"path":"zz","property":"foo","value":1}"""), Ask("qom-list-properties", """{"typename":"zz"}"""), Ask("qom-list", "{}"),
            Ask("qom-get", """{"path":"/","property":"type"}"""), Ask("qom-list-types", """{"implements":"zz"}"""), Ask("qom-list-types", """{"implements":1}"""),
        ]),
    ];

    private static string Add(string arguments) => Ask("object-add", arguments);

    private static string Ask(string command, string arguments) => $$"""{"execute":"{{command}}","arguments":{{arguments}}}""";
}
