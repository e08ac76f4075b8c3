using BlockUring.Jobs;
using BlockUring.Qmp.Commands;
using BlockUring.Qmp.Commands.Jobs;

namespace BlockUring.Qmp;

/// <summary>Tells the clients what happens to jobs.</summary>
internal sealed class JobEventWriter(EventBroadcast events)
{
    public void Write(JobEvent happened)
    {
        switch (happened)
        {
            case JobEvent.StatusChange e:
                events.Send("JOB_STATUS_CHANGE", new(e.JobId, e.Status.Name()), QmpJson.Default.JobStatusData);
                break;
            case JobEvent.Ready e:
                SendProgress("BLOCK_JOB_READY", e.Type, e.JobId, e.Length, e.Offset, e.Speed, null);
                break;
            case JobEvent.Completed e:
                SendProgress("BLOCK_JOB_COMPLETED", e.Type, e.JobId, e.Length, e.Offset, e.Speed, e.Error);
                break;
            case JobEvent.Cancelled e:
                SendProgress("BLOCK_JOB_CANCELLED", e.Type, e.JobId, e.Length, e.Offset, e.Speed, null);
                break;
            case JobEvent.Pending e:
                events.Send("BLOCK_JOB_PENDING", new(e.Type.Name(), e.JobId), QmpJson.Default.JobPendingData);
                break;
            case JobEvent.IoError e:
                events.Send("BLOCK_JOB_ERROR", new(e.JobId, e.IsRead ? "read" : "write", e.Action.Name()), QmpJson.Default.JobErrorData);
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(happened), happened, "This event has no name on the wire.");
        }
    }

    private void SendProgress(string name, JobType type, string id, long length, long offset, long speed, string? error) =>
        events.Send(name, new(type.Name(), id, length, offset, speed, error), QmpJson.Default.JobProgressData);
}
