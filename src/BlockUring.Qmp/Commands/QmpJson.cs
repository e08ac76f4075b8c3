using System.Text.Json;
using System.Text.Json.Serialization;
using BlockUring.Qmp.Commands.Bitmaps;
using BlockUring.Qmp.Commands.Jobs;
using BlockUring.Qmp.Commands.Nodes;
using BlockUring.Qmp.Commands.Transactions;

namespace BlockUring.Qmp.Commands;

/// <summary>How records are written on the wire: names in kebab case, what is null left out.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.KebabCaseLower,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(JsonElement))]
[JsonSerializable(typeof(string))]
[JsonSerializable(typeof(long))]
[JsonSerializable(typeof(NoArguments))]
[JsonSerializable(typeof(NoResult))]
[JsonSerializable(typeof(ErrorInfo))]
[JsonSerializable(typeof(GreetingInfo))]
[JsonSerializable(typeof(TimestampInfo))]
[JsonSerializable(typeof(VersionInfo))]
[JsonSerializable(typeof(NegotiateArguments))]
[JsonSerializable(typeof(IReadOnlyList<NamedInfo>))]
[JsonSerializable(typeof(IReadOnlyList<ChardevInfo>))]
[JsonSerializable(typeof(HumanMonitorArguments))]
[JsonSerializable(typeof(ObjectDelArguments))]
[JsonSerializable(typeof(QomPathArguments))]
[JsonSerializable(typeof(QomGetArguments))]
[JsonSerializable(typeof(QomSetArguments))]
[JsonSerializable(typeof(QomListTypesArguments))]
[JsonSerializable(typeof(QomTypeArguments))]
[JsonSerializable(typeof(IReadOnlyList<PropertyInfo>))]
[JsonSerializable(typeof(IReadOnlyList<ObjectTypeInfo>))]
[JsonSerializable(typeof(Objects.ThrottleLimits))]
[JsonSerializable(typeof(Dictionary<string, long>))]
[JsonSerializable(typeof(JobArguments))]
[JsonSerializable(typeof(BlockJobArguments))]
[JsonSerializable(typeof(BlockJobCancelArguments))]
[JsonSerializable(typeof(BlockJobSpeedArguments))]
[JsonSerializable(typeof(IReadOnlyList<JobResult>))]
[JsonSerializable(typeof(IReadOnlyList<BlockJobResult>))]
[JsonSerializable(typeof(BlockNullArguments))]
[JsonSerializable(typeof(BackupArguments))]
[JsonSerializable(typeof(NodeNameArguments))]
[JsonSerializable(typeof(BlockdevReopenArguments))]
[JsonSerializable(typeof(BitmapArguments))]
[JsonSerializable(typeof(BitmapAddArguments))]
[JsonSerializable(typeof(BitmapMergeArguments))]
[JsonSerializable(typeof(BitmapHashResult))]
[JsonSerializable(typeof(TransactionArguments))]
[JsonSerializable(typeof(JobStatusData))]
[JsonSerializable(typeof(JobProgressData))]
[JsonSerializable(typeof(JobPendingData))]
[JsonSerializable(typeof(JobErrorData))]
internal sealed partial class QmpJson : JsonSerializerContext;
