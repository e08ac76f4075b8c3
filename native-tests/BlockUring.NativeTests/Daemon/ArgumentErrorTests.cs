using Xunit;

namespace BlockUring.NativeTests.Daemon;

/// <summary>The words for arguments that do not fit the command's definition.</summary>
public sealed class ArgumentErrorTests : DaemonTestBase
{
    [Theory, MemberData(nameof(Sides))]
    public void ArgumentsAreChecked(Side side) => Play(side, """
        daemon --blockdev null-co,node-name=n
        # What does not exist, what is missing, what is too much.
        no-such-command
        no-such-command {'a':1}
        block_resize
        block_resize {}
        block_resize {'size':1}
        block_resize {'node-name':'n','size':1,'zork':2}
        block_resize {'node-name':'n','zork':2}
        blockdev-del {}
        job-cancel {'device':'j'}
        query-jobs {'a':1}
        # Wrong types.
        blockdev-del {'node-name':1}
        blockdev-del {'node-name':null}
        blockdev-del {'node-name':[]}
        blockdev-del {'node-name':{}}
        blockdev-del {'node-name':true}
        block_resize {'node-name':'n','size':'1'}
        block_resize {'node-name':'n','size':1.5}
        block_resize {'node-name':'n','size':true}
        query-named-block-nodes {'flat':1}
        query-named-block-nodes {'flat':'on'}
        block-job-set-speed {'device':'j','speed':[]}
        transaction {'actions':{}}
        transaction {'actions':[1]}
        transaction {'actions':[{'type':'abort'}]}
        transaction {'actions':[{'type':'abort','data':{'a':1}}]}
        transaction {'actions':[{'type':'zork','data':{}}]}
        transaction {'actions':[{'data':{}}]}
        transaction {'actions':[],'properties':{'completion-mode':'zork'}}
        transaction {'actions':[{'type':'block-dirty-bitmap-add','data':{'node':'n'}}]}
        transaction {'actions':[{'type':'abort','data':{}},{'type':'block-dirty-bitmap-add','data':{'node':5,'name':'b'}}]}
        # Ranges of numbers.
        block_resize {'node-name':'n','size':-1}
        block_resize {'node-name':'n','size':-0}
        block_resize {'node-name':'n','size':9223372036854775807}
        block_resize {'node-name':'n','size':9223372036854775808}
        block_resize {'node-name':'n','size':18446744073709551616}
        block_resize {'node-name':'n','size':1e3}
        block-set-write-threshold {'node-name':'n','write-threshold':-1}
        block-set-write-threshold {'node-name':'n','write-threshold':18446744073709551615}
        block-dirty-bitmap-add {'node':'n','name':'b','granularity':4294967296}
        block-dirty-bitmap-add {'node':'n','name':'b','granularity':-1}
        # Enumerations.
        blockdev-backup {'job-id':'j','device':'n','target':'n','sync':'zork'}
        blockdev-backup {'job-id':'j','device':'n','target':'n','sync':'FULL'}
        blockdev-backup {'job-id':'j','device':'n','target':'n','sync':'full','on-source-error':''}
        blockdev-backup {'job-id':'j','device':'n','target':'n','sync':'full','bitmap-mode':'zork'}
        blockdev-backup {'job-id':'j','device':'n','target':'n','sync':'full','x-perf':{'zork':1}}
        blockdev-backup {'job-id':'j','device':'n','target':'n','sync':'full','x-perf':{'max-workers':'a'}}
        blockdev-backup {'job-id':'j','device':'n','target':'n'}
        """);

    [Theory, MemberData(nameof(Sides))]
    public void NodeDefinitionsAreChecked(Side side) => Play(side, """
        daemon --blockdev null-co,node-name=n
        blockdev-add {}
        blockdev-add {'node-name':'a'}
        blockdev-add {'driver':'zork','node-name':'a'}
        blockdev-add {'driver':1,'node-name':'a'}
        blockdev-add {'driver':'null-co'}
        blockdev-add {'driver':'null-co','node-name':'a','zork':1}
        blockdev-add {'driver':'null-co','node-name':'a','size':'x'}
        blockdev-add {'driver':'null-co','node-name':'a','cache':1}
        blockdev-add {'driver':'null-co','node-name':'a','cache':{'direct':1}}
        blockdev-add {'driver':'null-co','node-name':'a','cache':{'zork':1}}
        blockdev-add {'driver':'null-co','node-name':'a','discard':'on'}
        blockdev-add {'driver':'null-co','node-name':'a','detect-zeroes':true}
        blockdev-add {'driver':'null-co','node-name':'a','read-only':'yes'}
        blockdev-add {'driver':'file','node-name':'a'}
        blockdev-add {'driver':'file','node-name':'a','filename':1}
        blockdev-add {'driver':'file','node-name':'a','filename':'x','aio':'zork'}
        blockdev-add {'driver':'file','node-name':'a','filename':'x','locking':true}
        blockdev-add {'driver':'qcow2','node-name':'a'}
        blockdev-add {'driver':'qcow2','node-name':'a','file':null}
        blockdev-add {'driver':'qcow2','node-name':'a','file':1}
        blockdev-add {'driver':'qcow2','node-name':'a','file':{}}
        blockdev-add {'driver':'qcow2','node-name':'a','file':{'driver':'zork'}}
        blockdev-add {'driver':'qcow2','node-name':'a','file':{'driver':'file'}}
        blockdev-add {'driver':'qcow2','node-name':'a','file':{'driver':'file','filename':5}}
        blockdev-add {'driver':'qcow2','node-name':'a','file':{'driver':'file','filename':'x','zork':5}}
        blockdev-add {'driver':'qcow2','node-name':'a','file':'n','backing':5}
        blockdev-add {'driver':'qcow2','node-name':'a','file':'n','backing':{'driver':'raw','file':{'driver':'file'}}}
        blockdev-add {'driver':'qcow2','node-name':'a','file':'n','overlap-check':'zork'}
        blockdev-add {'driver':'qcow2','node-name':'a','file':'n','overlap-check':{'template':'zork'}}
        blockdev-add {'driver':'qcow2','node-name':'a','file':'n','encrypt':{'format':'zork'}}
        blockdev-add {'driver':'raw','node-name':'a','file':'n','offset':-1}
        blockdev-add {'driver':'blkdebug','node-name':'a','image':'n','inject-error':[{'event':'zork'}]}
        blockdev-add {'driver':'blkdebug','node-name':'a','image':'n','inject-error':[{'event':'read_aio','iotype':'zork'}]}
        blockdev-add {'driver':'throttle','node-name':'a','file':'n'}
        blockdev-reopen {'options':{}}
        blockdev-reopen {'options':[{'driver':'null-co','node-name':'n','size':false}]}
        blockdev-create {'job-id':'j','options':{'driver':'raw'}}
        blockdev-create {'job-id':'j','options':{'driver':'zork'}}
        blockdev-create {'job-id':'j','options':{'driver':'null-co','size':1}}
        blockdev-create {'job-id':'j','options':{'driver':'qcow2','file':'n','size':1,'version':'v4'}}
        blockdev-create {'job-id':'j','options':{'driver':'qcow2','file':'n','size':1,'preallocation':'zork'}}
        blockdev-create {'job-id':'j','options':{'driver':'qcow2','file':'n','size':-1}}
        wait JOB_STATUS_CHANGE j concluded
        """);

    [Theory, MemberData(nameof(Sides))]
    public void ObjectDefinitionsAreChecked(Side side) => Play(side, """
        daemon
        object-add {}
        object-add {'qom-type':'zork','id':'o'}
        object-add {'qom-type':'throttle-group'}
        object-add {'qom-type':'throttle-group','id':'1o'}
        object-add {'qom-type':'throttle-group','id':'o','zork':1}
        object-add {'qom-type':'throttle-group','id':'o','limits':{'zork':1}}
        object-add {'qom-type':'throttle-group','id':'o','limits':{'iops-total':1,'iops-read':1}}
        object-add {'qom-type':'throttle-group','id':'o','limits':{'iops-total':-1}}
        object-add {'qom-type':'throttle-group','id':'o','limits':{'iops-total-max':5}}
        object-add {'qom-type':'throttle-group','id':'o','limits':{'iops-total':10,'iops-total-max':5}}
        object-add {'qom-type':'throttle-group','id':'o','limits':{'iops-total':100}}
        object-add {'qom-type':'throttle-group','id':'o','limits':{'iops-total':100}}
        object-add {'qom-type':'iothread','id':'t'}
        qom-get {'path':'o','property':'limits'}
        qom-get {'path':'/objects/o','property':'zork'}
        qom-get {'path':'zork','property':'zork'}
        qom-set {'path':'o','property':'limits','value':{'bps-total':1024}}
        qom-set {'path':'o','property':'limits','value':{'bps-total':'a'}}
        qom-set {'path':'o','property':'limits','value':{'bps-total':10,'bps-read':10}}
        qom-get {'path':'o','property':'limits'}
        qom-list {'path':'/objects'}
        object-del {'id':'zork'}
        blockdev-add {'driver':'throttle','node-name':'a','throttle-group':'zork','file':{'driver':'null-co'}}
        blockdev-add {'driver':'throttle','node-name':'a','throttle-group':'o','file':{'driver':'null-co'}}
        object-del {'id':'o'}
        blockdev-del {'node-name':'a'}
        object-del {'id':'o'}
        object-del {'id':'o'}
        object-del {'id':'t'}
        """);
}
