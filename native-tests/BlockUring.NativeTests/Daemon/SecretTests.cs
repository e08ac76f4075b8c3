using Xunit;

namespace BlockUring.NativeTests.Daemon;

/// <summary>Passwords and keys: in plain, in base64, in files, and under the protection of another secret.</summary>
public sealed class SecretTests : DaemonTestBase
{
    [Theory, MemberData(nameof(Sides))]
    public void SecretsProtectOthers(Side side) => Play(
        side,
        Script,
        [
            new(
                "object-add {'qom-type':'secret','id':'odd','format':'base64','data':'YWJ'}",
                "{}",
                "GenericError: Base64 data contains invalid characters",
                "A text that was cut off is no secret: the peer goes on with a part of it."),
        ]);

    // The key is 00 01 … 1f and the vector 00 … 0f; `openssl enc -aes-256-cbc` made the data.
    private const string Script = """
        $ printf 'AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=' >key.b64; printf 'k%.0s' 1 2 3 4 5 6 7 >short.raw
        $ printf '6cPvirI0U+bwdJzWNueojg==' | base64 -d >none.raw
        daemon
        object-add {'qom-type':'secret','id':'k','format':'base64','file':'key.b64'}
        object-add {'qom-type':'secret','id':'short','file':'short.raw'}
        object-add {'qom-type':'iothread','id':'io'}
        object-add {'qom-type':'secret','id':'a','keyid':'k','iv':'AAECAwQFBgcICQoLDA0ODw==','format':'base64','data':
         '2qYoJb+GgN2MRW85GNN5P2vIMhJDl1rrs8xuCB83Fqp2g0/nj59bW57ig5IwT3ip'}
        object-add {'qom-type':'secret','id':'b','keyid':'k','iv':'AAECAwQFBgcICQoLDA0ODw==','file':'none.raw'}
        object-add {'qom-type':'secret','id':'x','keyid':'zork','iv':'AAECAwQFBgcICQoLDA0ODw==','data':'abc'}
        object-add {'qom-type':'secret','id':'x','keyid':'io','iv':'AAECAwQFBgcICQoLDA0ODw==','data':'abc'}
        object-add {'qom-type':'secret','id':'x','keyid':'x','iv':'AAECAwQFBgcICQoLDA0ODw==','data':'abc'}
        object-add {'qom-type':'secret','id':'x','keyid':'short','iv':'AAECAwQFBgcICQoLDA0ODw==','data':'abc'}
        object-add {'qom-type':'secret','id':'x','keyid':'k','data':'abc'}
        object-add {'qom-type':'secret','id':'x','keyid':'k','iv':'!!','data':'abc'}
        object-add {'qom-type':'secret','id':'x','keyid':'k','iv':'YWJj','data':'abc'}
        object-add {'qom-type':'secret','id':'x','keyid':'k','iv':'AAECAwQFBgcICQoLDA0ODw==','data':'abc'}
        object-add {'qom-type':'secret','id':'x','keyid':'k','iv':'AAECAwQFBgcICQoLDA0ODw==','format':'base64','data':'Y!'}
        object-add {'qom-type':'secret','id':'x','keyid':'k','iv':'AAECAwQFBgcICQoLDA0ODw==','format':'base64','data':'pE+iaiWyCJdrDMsi6S4HXQ=='}
        object-add {'qom-type':'secret','id':'x','keyid':'k','iv':'AAECAwQFBgcICQoLDA0ODw=='}
        object-add {'qom-type':'secret','id':'x','data':'x','file':'x'}
        object-add {'qom-type':'secret','id':'x','file':'gone'}
        object-add {'qom-type':'secret','id':'x','file':'.'}
        object-add {'qom-type':'secret','id':'odd','format':'base64','data':'YWJ'}
        object-add {'qom-type':'secret','id':'x','format':'zork','data':'YWJ'}
        qom-get {'path':'/objects/a','property':'keyid'}
        qom-get {'path':'/objects/a','property':'iv'}
        qom-get {'path':'/objects/a','property':'loaded'}
        object-del {'id':'k'}
        """;
}
