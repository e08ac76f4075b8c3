using Xunit;

namespace BlockUring.NativeTests.Daemon;

/// <summary>Encrypted images over QMP: made, opened, and given other passwords.</summary>
public sealed class EncryptionTests : DaemonTestBase
{
    [Theory, MemberData(nameof(Sides))]
    public void PasswordsAreGivenAndTakenAway(Side side) => Play(side, s =>
    {
        s.Play(Script);
        foreach (var options in WrongAmendments)
        {
            s.Run("x-blockdev-amend", $"{{'job-id':'j','node-name':'l','options':{{'driver':'luks',{options}}}}}");
            s.Play("wait JOB_STATUS_CHANGE j concluded\nquery-jobs\njob-dismiss {'id':'j'}");
        }

        s.Play(End);
    });

    private static readonly string[] WrongAmendments =
    [
        "'state':'active'",
        "'state':'active','new-secret':'b','old-secret':'a'",
        "'state':'active','new-secret':'zork'",
        "'state':'active','new-secret':'b','secret':'b'",
        "'state':'active','new-secret':'b','keyslot':8",
        "'state':'active','new-secret':'b','keyslot':-1",
        "'state':'active','new-secret':'b','keyslot':0",
        "'state':'inactive'",
        "'state':'inactive','new-secret':'a','keyslot':0",
        "'state':'inactive','iter-time':5,'keyslot':0",
        "'state':'inactive','secret':'a','keyslot':0",
        "'state':'inactive','keyslot':0",
        "'state':'inactive','keyslot':5",
        "'state':'inactive','keyslot':0,'old-secret':'b'",
        "'state':'inactive','old-secret':'b'",
        "'state':'inactive','old-secret':'a'",
    ];

    private const string Script = """
        daemon
        object-add {'qom-type':'secret','id':'a','data':'first'}
        object-add {'qom-type':'secret','id':'b','data':'second'}
        object-add {'qom-type':'iothread','id':'io'}
        blockdev-create {'job-id':'f','options':{'driver':'file','filename':'l.img','size':0}}
        wait JOB_STATUS_CHANGE f concluded
        job-dismiss {'id':'f'}
        blockdev-create {'job-id':'f','options':{'driver':'file','filename':'q.img','size':0}}
        wait JOB_STATUS_CHANGE f concluded
        job-dismiss {'id':'f'}
        blockdev-add {'driver':'file','node-name':'l-file','filename':'l.img'}
        blockdev-add {'driver':'file','node-name':'q-file','filename':'q.img'}
        blockdev-create {'job-id':'l','options':{'driver':'luks','file':'l-file','size':1048576,'key-secret':'zork'}}
        wait JOB_STATUS_CHANGE l concluded
        query-jobs
        job-dismiss {'id':'l'}
        blockdev-create {'job-id':'l','options':{'driver':'luks','file':'l-file','size':1048576,'key-secret':'a','iter-time':1}}
        wait JOB_STATUS_CHANGE l concluded
        query-jobs
        job-dismiss {'id':'l'}
        blockdev-create {'job-id':'q','options':{'driver':'qcow2','file':'q-file','size':1048576,
         'encrypt':{'format':'luks','key-secret':'a','iter-time':1,'cipher-alg':'aes-128'}}}
        wait JOB_STATUS_CHANGE q concluded
        query-jobs
        job-dismiss {'id':'q'}
        blockdev-add {'driver':'luks','node-name':'x','file':'l-file'}
        blockdev-add {'driver':'luks','node-name':'x','file':'l-file','key-secret':'b'}
        blockdev-add {'driver':'luks','node-name':'x','file':'l-file','key-secret':'io'}
        blockdev-add {'driver':'qcow2','node-name':'x','file':'q-file','encrypt':{'format':'luks','key-secret':'b'}}
        blockdev-add {'driver':'qcow2','node-name':'x','file':'q-file','encrypt':{'format':'luks'}}
        blockdev-add {'driver':'qcow2','node-name':'x','file':'q-file','encrypt':{'format':'aes','key-secret':'a'}}
        blockdev-add {'driver':'luks','node-name':'l','file':'l-file','key-secret':'a'}
        blockdev-add {'driver':'qcow2','node-name':'q','file':'q-file','encrypt':{'format':'luks','key-secret':'a'}}
        """;

    private const string End = """
        x-blockdev-amend {'job-id':'j','node-name':'l','options':{'driver':'luks','state':'active','new-secret':'b','keyslot':3,'iter-time':1}}
        wait JOB_STATUS_CHANGE j concluded
        query-jobs
        job-dismiss {'id':'j'}
        x-blockdev-amend {'job-id':'j','node-name':'l','options':{'driver':'luks','state':'inactive','old-secret':'a'}}
        wait JOB_STATUS_CHANGE j concluded
        query-jobs
        job-dismiss {'id':'j'}
        x-blockdev-amend {'job-id':'j','node-name':'q','options':{'driver':'qcow2','encrypt':{'format':'luks','state':'active','new-secret':'b',
         'iter-time':1}}}
        wait JOB_STATUS_CHANGE j concluded
        query-jobs
        job-dismiss {'id':'j'}
        blockdev-del {'node-name':'l'}
        blockdev-add {'driver':'luks','node-name':'l','file':'l-file','key-secret':'a'}
        blockdev-add {'driver':'luks','node-name':'l','file':'l-file','key-secret':'b'}
        quit
        exit
        $ qemu-img info l.img | grep -A1 '\['
        $ qemu-img info q.img | grep -A1 '\['
        $ qemu-img check --object secret,id=b,data=second --image-opts driver=qcow2,encrypt.key-secret=b,file.filename=q.img | head -1
        """;
}
