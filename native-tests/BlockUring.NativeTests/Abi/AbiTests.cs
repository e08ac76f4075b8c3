using Xunit;

namespace BlockUring.NativeTests.Abi;

public class AbiTests(ITestOutputHelper output)
{
    [Fact]
    public void InteropAgreesWithTheHeadersOfThisMachine()
    {
        var headers = HeaderFacts.Read();
        var interop = InteropFacts.Read();
        var wrong = new List<string>();
        foreach (var (name, value) in interop)
        {
            if (!headers.TryGetValue(name, out var expected))
                wrong.Add($"{name}: not in abi.c");
            else if (expected == "absent")
                output.WriteLine($"{name}: newer than this machine's headers, not compared");
            else if (expected != value)
                wrong.Add($"{name}: {value} here, {expected} in the headers");
        }

        wrong.AddRange(headers.Keys.Except(interop.Keys).Select(name => $"{name}: in abi.c, but not in the interop"));
        output.WriteLine($"{interop.Count} facts compared");
        Assert.Empty(wrong);
        Assert.True(interop.Count > 150);
    }
}
