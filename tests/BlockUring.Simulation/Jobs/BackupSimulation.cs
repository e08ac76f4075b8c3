using BlockUring.Simulation.Jobs.Backup;
using Xunit;

namespace BlockUring.Simulation.Jobs;

/// <summary>Backups of disks that are being written, on devices that reorder, fail and lose power.</summary>
public sealed class BackupSimulation(ITestOutputHelper output)
{
    [Fact]
    public void A_backup_holds_what_the_disk_held_at_its_instant_and_leaves_nothing_behind() =>
        SeededRuns.OfWorlds(output, 1, 150, seed => new BackupWorld(seed, cutsPower: false));

    [Fact]
    public void A_backup_that_was_told_to_be_complete_is_whole_after_a_power_cut() =>
        SeededRuns.OfWorlds(output, 100_001, 40, seed => new BackupWorld(seed, cutsPower: true));

    [Fact]
    public void A_snapshot_shows_its_instant_to_whoever_reads_it_while_the_disk_is_written() =>
        SeededRuns.OfWorlds(output, 200_001, 100, seed => new SnapshotWorld(seed));
}
