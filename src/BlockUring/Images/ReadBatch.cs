using System.Runtime.CompilerServices;
using BlockUring.Storage;

namespace BlockUring.Images;

/// <summary>Requests of one read that run at the same time; reused. Holds the first failure until all have ended.</summary>
internal sealed class ReadBatch
{
    private const int MaxPending = 64;

    private readonly ValueTask[] pending = new ValueTask[MaxPending];
    private int count;
    private Exception? failure;

    /// <summary>Adds a started request; where too many are pending, waits for those first.</summary>
    public ValueTask AddAsync(ValueTask request)
    {
        if (request.IsCompletedSuccessfully)
        {
            request.GetAwaiter().GetResult();
            return ValueTask.CompletedTask;
        }

        pending[count++] = request;
        return count < MaxPending ? ValueTask.CompletedTask : DrainAsync();
    }

    public void Fail(Exception e) => failure ??= e;

    /// <summary>Waits for all; throws the first failure. The batch is empty afterwards.</summary>
    [AsyncMethodBuilder(typeof(PooledTaskBuilder))]
    public async ValueTask FinishAsync()
    {
        if (count > 0)
            await DrainAsync();
        var failed = failure;
        failure = null;
        if (failed != null)
            System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(failed);
    }

    [AsyncMethodBuilder(typeof(PooledTaskBuilder))]
    private async ValueTask DrainAsync()
    {
        for (var i = 0; i < count; i++)
        {
            var request = pending[i];
            pending[i] = default;
            try
            {
                await request;
            }
            catch (Exception e) when (e is not NullReferenceException)
            {
                Fail(e);
            }
        }

        count = 0;
    }
}
