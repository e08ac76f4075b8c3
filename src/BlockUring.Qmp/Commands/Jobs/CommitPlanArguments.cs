namespace BlockUring.Qmp.Commands.Jobs;

/// <summary>Arguments of query-commit-plan: those of block-commit that say what goes where.</summary>
internal sealed record CommitPlanArguments
{
    public required string Device { get; init; }

    public string? BaseNode { get; init; }

    public string? Base { get; init; }

    public string? TopNode { get; init; }

    public string? Top { get; init; }

    public IReadOnlyList<string>? Protect { get; init; }

    public IReadOnlyList<string>? ProtectDirectories { get; init; }

    /// <summary>Arguments of the commit that is meant.</summary>
    public CommitArguments ToCommit() => new()
    {
        Device = Device,
        JobId = "plan",
        BaseNode = BaseNode,
        Base = Base,
        TopNode = TopNode,
        Top = Top,
        Safe = true,
        Protect = Protect,
        ProtectDirectories = ProtectDirectories,
    };
}
