using BlockUring.Images;

namespace BlockUring.Cli.Img;

/// <summary>A conversion with everything open.</summary>
/// <param name="Context">Receives messages.</param>
/// <param name="Request">What was asked for.</param>
/// <param name="Sources">What is read.</param>
/// <param name="Target">What is written.</param>
/// <param name="Preparation">What is known of the target.</param>
internal sealed record ConvertWork(ImgContext Context, ConvertRequest Request, ConvertSources Sources, Image Target, ConvertTarget Preparation);
