using BlockUring.Storage;

namespace BlockUring.Jobs;

/// <summary>The whole life cycle of jobs as two tables, and the names of its words on the wire.</summary>
public static class JobTables
{
    private static readonly string[] StatusNames =
    [
        "undefined", "created", "running", "paused", "ready", "standby", "waiting", "pending", "aborting", "concluded", "null",
    ];

    private static readonly string[] VerbNames = ["cancel", "pause", "resume", "set-speed", "complete", "finalize", "dismiss", "change"];

    private static readonly string[] TypeNames =
    [
        "commit", "stream", "mirror", "backup", "create", "amend", "snapshot-load", "snapshot-save", "snapshot-delete", "null",
    ];

    // A row is the status of now, a column the next one, both in the order of the enumeration; x marks what may happen.
    private static readonly string[] Transitions =
    [
        //  U C R P Y S W D X E N
        /* undefined */ ". x . . . . . . . . .",
        /* created   */ ". . x . . . . . x . x",
        /* running   */ ". . . x x . x . x . .",
        /* paused    */ ". . x . . . . . . . .",
        /* ready     */ ". . . . . x x . x . .",
        /* standby   */ ". . . . x . . . . . .",
        /* waiting   */ ". . . . . . . x x . .",
        /* pending   */ ". . . . . . . . x x .",
        /* aborting  */ ". . . . . . . . x x .",
        /* concluded */ ". . . . . . . . . . x",
        /* null      */ ". . . . . . . . . . .",
    ];

    // A row is a verb, a column the status in which it is accepted.
    private static readonly string[] Verbs =
    [
        //  U C R P Y S W D X E N
        /* cancel    */ ". x x x x x x x . . .",
        /* pause     */ ". x x x x x . . . . .",
        /* resume    */ ". x x x x x . . . . .",
        /* set-speed */ ". x x x x x . . . . .",
        /* complete  */ ". . . . x x . . . . .",
        /* finalize  */ ". . . . . . . x . . .",
        /* dismiss   */ ". . . . . . . . . x .",
        /* change    */ ". x x x x x . . . . .",
    ];

    /// <summary>The name of a status on the wire.</summary>
    public static string Name(this JobStatus status) => StatusNames[(int)status];

    /// <summary>The name of a verb on the wire.</summary>
    public static string Name(this JobVerb verb) => VerbNames[(int)verb];

    /// <summary>The name of a job's type on the wire.</summary>
    public static string Name(this JobType type) => TypeNames[(int)type];

    /// <summary>Whether a job may go from one status to another.</summary>
    public static bool MayFollow(JobStatus from, JobStatus to) => Transitions[(int)from][(int)to * 2] == 'x';

    /// <summary>Whether a job in this status accepts the verb.</summary>
    public static bool Accepts(JobStatus status, JobVerb verb) => Verbs[(int)verb][(int)status * 2] == 'x';

    /// <summary>The refusal of a verb.</summary>
    public static BlockException Refusal(string id, JobStatus status, JobVerb verb) => new(
        BlockErrorKind.Invalid, $"Job '{id}' in state '{status.Name()}' cannot accept command verb '{verb.Name()}'");
}
