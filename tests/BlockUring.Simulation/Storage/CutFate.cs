namespace BlockUring.Simulation.Storage;

/// <summary>What becomes of everything that is not flushed when the power goes, in one of the ways that tell the most.</summary>
internal readonly record struct CutFate(CutFate.Way Chosen, int Special)
{
    internal enum Way
    {
        /// <summary>Nothing is kept.</summary>
        NoneKept,

        /// <summary>Everything is.</summary>
        AllKept,

        /// <summary>One change alone is: those before it were needed, if an order was not demanded.</summary>
        OneKept,

        /// <summary>One change is lost or torn.</summary>
        OneLost,

        /// <summary>Each has a fate of its own.</summary>
        Any,
    }

    /// <summary>Whether requests in flight may have reached the medium in part.</summary>
    public bool HitsInFlight => Chosen != Way.NoneKept;

    public static CutFate Draw(Random random) => new((Way)random.Next(5), random.Next());

    /// <summary>The fate of the change with that index.</summary>
    public SectorFate Of(int index, int count, Random random) => Chosen switch
    {
        Way.NoneKept => SectorFate.Lost,
        Way.AllKept => SectorFate.Kept,
        Way.OneKept => index == Favoured(count) ? SectorFate.Kept : SectorFate.Lost,
        Way.OneLost => index == Favoured(count) ? (SectorFate)(2 * random.Next(2)) : SectorFate.Kept,
        _ => (SectorFate)random.Next(3),
    };

    // Mostly the newest.
    private int Favoured(int count) => Special % 2 == 0 ? count - 1 : Special / 2 % count;
}
