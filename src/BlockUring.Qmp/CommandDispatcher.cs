using System.Text.Json;
using BlockUring.Qmp.Commands;
using BlockUring.Qmp.Schema;
using BlockUring.Qmp.Wire;
using BlockUring.Storage;

namespace BlockUring.Qmp;

/// <summary>Runs the requests of all sessions, one at a time, in turns; out-of-band ones at once.</summary>
internal sealed class CommandDispatcher(MonitorContext context)
{
    private const string Execute = "execute";
    private const string ExecuteOutOfBand = "exec-oob";

    private readonly Queue<Func<ValueTask>> turns = new();
    private bool isRunning;

    /// <summary>Whether a message is to be answered before others that wait.</summary>
    public static bool IsOutOfBand(WireMessage message) =>
        message.Error == null && message.Value.ValueKind == JsonValueKind.Object
        && message.Value.TryGetProperty(ExecuteOutOfBand, out _) && !message.Value.TryGetProperty(Execute, out _);

    /// <summary>Gives a session a turn for one request that it has queued.</summary>
    public void Add(QmpSession session) => Add(() => RunRequestAsync(session));

    /// <summary>Runs something when it is its turn; ends when that has ended.</summary>
    public async ValueTask RunInTurnAsync(Func<ValueTask> action)
    {
        var ended = new Arrival();
        Add(async () =>
        {
            await action();
            context.Scheduler.Post(ended.Succeed);
        });
        await ended;
    }

    /// <summary>Runs a request and sends the answer.</summary>
    public async ValueTask AnswerAsync(QmpSession session, WireMessage message)
    {
        List<(string, JsonElement)> reply = [];
        try
        {
            reply.Add(("return", await RunAsync(session, message)));
        }
        catch (QmpException e)
        {
            reply.Add(("error", ErrorOf(e.Class, e.Message)));
        }
        catch (BlockException e)
        {
            reply.Add(("error", ErrorOf(QmpErrorClass.GenericError, FirstLine(e.Message))));
        }

        // Why: what a command ends, ends in a turn of its own, and its events come before the answer, as in QEMU.
        await context.Scheduler.YieldAsync();
        if (message.Error == null && message.Value.ValueKind == JsonValueKind.Object && message.Value.TryGetProperty("id", out var id))
            reply.Add(("id", id));
        session.Send(reply);
    }

    private void Add(Func<ValueTask> turn)
    {
        turns.Enqueue(turn);
        if (!isRunning)
            context.Loops.Start(RunAsync);
    }

    private async ValueTask RunAsync()
    {
        isRunning = true;
        while (turns.TryDequeue(out var turn))
            await turn();
        isRunning = false;
    }

    private async ValueTask RunRequestAsync(QmpSession session)
    {
        // A session that has ended has dropped its requests.
        if (!session.HasRequests)
            return;
        await AnswerAsync(session, session.TakeRequest());
        session.EndRequest();
    }

    private async ValueTask<JsonElement> RunAsync(QmpSession session, WireMessage message)
    {
        if (message.Error != null)
            throw new QmpException(message.Error);
        var (name, arguments, isOutOfBand) = Split(message.Value, session.IsOutOfBandOn);
        if (!session.IsNegotiated && name != NegotiateCommand.CommandName)
        {
            throw new QmpException("Expecting capabilities negotiation with 'qmp_capabilities'", QmpErrorClass.CommandNotFound);
        }

        if (!context.Commands.TryGet(name, out var command))
            throw new QmpException($"The command {name} has not been found", QmpErrorClass.CommandNotFound);
        if (isOutOfBand && !command.Definition.AllowsOutOfBand)
            throw new QmpException($"The command {name} does not support OOB");
        var given = ArgumentChecker.Check(command.Definition.Arguments, arguments);
        return await command.InvokeAsync(context, session, given);
    }

    private static (string Name, JsonElement Arguments, bool IsOutOfBand) Split(JsonElement request, bool isOutOfBandOn)
    {
        if (request.ValueKind != JsonValueKind.Object)
            throw new QmpException("QMP input must be a JSON object");
        JsonProperty? command = null;
        JsonElement? arguments = null;
        foreach (var member in InOrder(request))
        {
            switch (member.Name)
            {
                case Execute:
                case ExecuteOutOfBand when isOutOfBandOn:
                    DemandString(member, command);
                    command = member;
                    break;
                case "arguments":
                    if (member.Value.ValueKind != JsonValueKind.Object)
                        throw new QmpException("QMP input member 'arguments' must be an object");
                    arguments = member.Value;
                    break;
                case "id":
                    break;
                default:
                    throw new QmpException($"QMP input member '{member.Name}' is unexpected");
            }
        }

        if (command is not { } found)
            throw new QmpException("QMP input lacks member 'execute'");
        return (found.Value.GetString()!, arguments ?? NoArguments.Element, found.Name == ExecuteOutOfBand);
    }

    private static void DemandString(JsonProperty member, JsonProperty? earlier)
    {
        if (member.Value.ValueKind != JsonValueKind.String)
            throw new QmpException($"QMP input member '{member.Name}' must be a string");
        if (earlier is { } other)
            throw new QmpException($"QMP input member '{member.Name}' clashes with '{other.Name}'");
    }

    private static List<JsonProperty> InOrder(JsonElement request)
    {
        List<JsonProperty> members = [.. request.EnumerateObject()];
        MemberOrder.Sort(members, m => m.Name);
        return members;
    }

    private static JsonElement ErrorOf(QmpErrorClass errorClass, string message) =>
        JsonSerializer.SerializeToElement(new ErrorInfo(errorClass.ToString(), message), QmpJson.Default.ErrorInfo);

    // Why: what follows is advice for people at a terminal.
    private static string FirstLine(string message) => message.Split('\n', 2)[0];
}
