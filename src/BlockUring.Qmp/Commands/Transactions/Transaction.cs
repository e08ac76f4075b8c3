using BlockUring.Graph;
using BlockUring.Storage;

namespace BlockUring.Qmp.Commands.Transactions;

/// <summary>Runs actions at one instant: all, or none.</summary>
internal sealed class Transaction(BlockGraph graph)
{
    private readonly List<TransactionAction> actions = [];

    /// <summary>Adds an action behind the others.</summary>
    public void Add(TransactionAction action) => actions.Add(action);

    /// <summary>Runs them.</summary>
    /// <exception cref="QmpException">One has failed; everything is as before.</exception>
    /// <exception cref="BlockException">One has failed; everything is as before.</exception>
    public async ValueTask RunAsync()
    {
        using var change = await graph.BeginChangeAsync();
        using var section = await graph.DrainAsync([.. FindNodes()]);
        var preparedCount = 0;
        try
        {
            foreach (var action in actions)
            {
                await action.PrepareAsync();
                preparedCount++;
            }
        }
        catch (Exception e) when (e is QmpException or BlockException)
        {
            for (var i = preparedCount - 1; i >= 0; i--)
                await actions[i].AbortAsync();
            await CleanAsync(preparedCount);
            throw;
        }

        foreach (var action in actions)
            action.Commit();
        await CleanAsync(preparedCount);
    }

    private async ValueTask CleanAsync(int count)
    {
        for (var i = 0; i < count; i++)
            await actions[i].CleanAsync();
    }

    private IEnumerable<BlockNode> FindNodes() =>
        actions.SelectMany(a => a.Nodes).Distinct(StringComparer.Ordinal).Select(graph.TryFind).OfType<BlockNode>();
}
