using BlockUring.Storage;

namespace BlockUring.Qmp.Hmp.QemuIo;

/// <summary>Starts requests that go on after their command: each has a user of its own on the node.</summary>
internal static class QemuIoBackground
{
    /// <summary>Starts a request. What it prints comes with a later command.</summary>
    /// <param name="call">The command.</param>
    /// <param name="permissions">What the request does to the node.</param>
    /// <param name="request">Makes it; its call is one that stays.</param>
    public static async ValueTask StartAsync(QemuIoCall call, ImagePermissions permissions, Func<QemuIoCall, ValueTask> request)
    {
        var graph = call.Context.Graph;
        var user = await QemuIoMonitor.AttachAsync(graph, call.Node, permissions);
        var staying = new QemuIoCall(call.Context, user, call.Requests, call.Arguments);
        call.Requests.Begin();
        call.Context.Loops.Start(async () =>
        {
            await request(staying);
            graph.Detach(user.Links[0]);
            call.Requests.End(staying.Output);
        });
    }
}
