using System.Text;
using BlockUring.Graph.Debugging;
using BlockUring.Native.Interop;
using BlockUring.Storage;

namespace BlockUring.Graph.Filters;

/// <summary>"blkdebug".</summary>
internal sealed class BlkdebugDriver : NodeDriver
{
    private const int MaxConfigLength = 64 << 10;

    public override string Name => "blkdebug";

    public override bool IsProtocol => true;

    public override async ValueTask<BlockNode> OpenAsync(NodeOpening opening)
    {
        var configured = opening.Take("config") is { Length: > 0 } path ? await ReadConfigAsync(opening.Graph.Host, path) : [];
        var rules = new DebugRules(configured.Concat(DebugRuleText.Take(opening.Options)));
        var taken = TakePermissions(opening, "take-child-perms");
        var unshared = TakePermissions(opening, "unshare-child-perms");
        var below = await opening.ChildAsync("image", opening.StorageDefaults());
        var limits = DebugLimits.Take(opening.Options, below.File.Limits.RequestAlignment);
        var node = new BlkdebugNode(opening.Name, opening.Settings, opening.Graph.Scheduler, rules, limits)
        {
            Taken = taken,
            Unshared = unshared,
        };
        node.AddChild("image", LinkRole.Filtered, below);
        return node;
    }

    private static async ValueTask<List<DebugRule>> ReadConfigAsync(FileHost host, string path)
    {
        BlockFile file;
        try
        {
            file = await host.OpenAsync(path, new FileOpenOptions { Locking = false });
        }
        catch (BlockException e)
        {
            throw new BlockException(e.Kind, "Could not read blkdebug config file: " + Errno.Message(e.ErrorNumber), e.ErrorNumber, e);
        }

        await using (file)
        {
            if (file.Length > MaxConfigLength)
                throw new BlockException(BlockErrorKind.Limit, $"The blkdebug config file is longer than {MaxConfigLength} bytes");
            if (file.Length == 0)
                return [];
            using var buffer = file.Buffers.Rent((int)file.Length);
            await file.ReadAsync(0, buffer.Memory.Slice(0, (int)file.Length));
            return DebugRuleText.Parse(Encoding.UTF8.GetString(buffer.Span[..(int)file.Length]));
        }
    }

    private static ImagePermissions TakePermissions(NodeOpening opening, string name)
    {
        var permissions = ImagePermissions.None;
        var list = opening.Options.TakeSubtree(name);
        foreach (var text in list.Values.Values)
        {
            permissions |= text switch
            {
                "consistent-read" => ImagePermissions.ConsistentRead,
                "write" => ImagePermissions.Write,
                "write-unchanged" => ImagePermissions.WriteUnchanged,
                "resize" => ImagePermissions.Resize,
                _ => throw new BlockException(BlockErrorKind.Invalid, $"Parameter 'null' does not accept value '{text}'"),
            };
        }

        return permissions;
    }
}
