using BlockUring.Qmp;
using BlockUring.Qmp.Commands.Transactions;
using Xunit;

namespace BlockUring.Tests.Qmp.Transactions;

/// <summary>The order in which a transaction calls its actions.</summary>
public sealed class TransactionTests : IDisposable
{
    private readonly MonitorHost host = new();
    private readonly List<string> calls = [];

    [Fact]
    public void Actions_are_prepared_and_committed_in_order()
    {
        Run("a", "b", "c");
        Assert.Equal("prepare a, prepare b, prepare c, commit a, commit b, commit c, clean a, clean b, clean c", string.Join(", ", calls));
    }

    [Fact]
    public void What_was_prepared_before_a_failure_is_aborted_the_last_first()
    {
        var failure = Assert.Throws<QmpException>(() => Run("a", "b", "!", "c"));
        Assert.Equal("no", failure.Message);
        Assert.Equal("prepare a, prepare b, prepare !, abort b, abort a, clean a, clean b", string.Join(", ", calls));
    }

    [Fact]
    public void The_graph_may_be_changed_again_after_a_failure()
    {
        Assert.Throws<QmpException>(() => Run("!"));
        calls.Clear();
        Run("a");
        Assert.Equal("prepare a, commit a, clean a", string.Join(", ", calls));
    }

    public void Dispose() => host.Dispose();

    private void Run(params string[] names)
    {
        var transaction = new Transaction(host.Context.Graph);
        foreach (var name in names)
            transaction.Add(new TracedAction(name, calls));
        var task = transaction.RunAsync().AsTask();
        host.Scheduler.Run();
        Assert.True(task.IsCompleted);
        task.GetAwaiter().GetResult();
    }

    private sealed class TracedAction(string name, List<string> calls) : TransactionAction
    {
        public override ValueTask PrepareAsync()
        {
            calls.Add($"prepare {name}");
            return name == "!" ? throw new QmpException("no") : ValueTask.CompletedTask;
        }

        public override void Commit() => calls.Add($"commit {name}");

        public override ValueTask AbortAsync()
        {
            calls.Add($"abort {name}");
            return ValueTask.CompletedTask;
        }

        public override ValueTask CleanAsync()
        {
            calls.Add($"clean {name}");
            return ValueTask.CompletedTask;
        }
    }
}
