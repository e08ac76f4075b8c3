namespace BlockUring.Compare.Cases;

/// <summary>A source image on disk: its format, its file and the size a guest sees.</summary>
internal sealed record SourceImage(string Format, string Path, long GuestBytes);
