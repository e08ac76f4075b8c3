return BlockUring.Cli.Launcher.Run(Environment.GetCommandLineArgs()[0], args);
