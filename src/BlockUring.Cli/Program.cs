return BlockUring.Cli.Launcher.Run(args);
