using System.Buffers.Binary;

namespace BlockUring.Images.Qcow2;

/// <summary>The qcow2 format, versions 2 and 3.</summary>
internal sealed class Qcow2Driver : ImageDriver
{
    public override string Name => "qcow2";

    public override IReadOnlyList<CreateOption> CreateOptions => Qcow2CreateOptions.All;

    public override IReadOnlyList<CreateOption> AmendOptions => Qcow2AmendOptions.All;

    public override bool CanCompress => true;

    public override int Probe(ReadOnlySpan<byte> head) =>
        head.Length >= Qcow2Header.KnownLength
        && BinaryPrimitives.ReadUInt32BigEndian(head) == Qcow2Header.Magic
        && BinaryPrimitives.ReadUInt32BigEndian(head[4..]) >= 2
            ? 100
            : 0;

    public override async ValueTask<ImageFormat> OpenAsync(OpenContext context) => await Qcow2Opener.OpenAsync(context);

    public override ValueTask CreateAsync(Storage.FileHost host, CreateRequest request) =>
        new Qcow2Creator(host, request, Qcow2CreateOptions.Parse(request)).RunAsync();

    public override ValueTask<Measurement> MeasureAsync(CreateRequest request, IMeasuredContent? content) =>
        Qcow2Measure.RunAsync(request, content);
}
