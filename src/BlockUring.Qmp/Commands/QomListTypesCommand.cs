using BlockUring.Qmp.Objects;

namespace BlockUring.Qmp.Commands;

/// <summary>qom-list-types.</summary>
internal sealed class QomListTypesCommand() : QmpCommand<QomListTypesArguments, IReadOnlyList<ObjectTypeInfo>>(
    "qom-list-types", QmpJson.Default.QomListTypesArguments, QmpJson.Default.IReadOnlyListObjectTypeInfo)
{
    /// <inheritdoc/>
    protected override ValueTask<IReadOnlyList<ObjectTypeInfo>> RunAsync(MonitorContext context, QomListTypesArguments arguments) =>
        new([
            .. QomType.All
                .Where(t => (arguments.Abstract == true || !t.IsAbstract) && (arguments.Implements == null || t.Is(arguments.Implements)))
                .Select(t => new ObjectTypeInfo(t.Name, t.IsAbstract ? true : null, t.Parent?.Name)),
        ]);
}
