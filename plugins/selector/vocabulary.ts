/** Words that the scorer counts: English, German, French and Spanish. */

/** They ask for more than a fact. */
export const reasoning: readonly string[] = [
  ...["why", "how come", "explain", "compare", "contrast", "prove", "derive", "analyse", "analyze", "design", "architecture", "plan"],
  ...["evaluate", "assess", "debug", "refactor", "optimise", "optimize", "review", "strategy", "trade off", "trade offs", "pros and cons"],
  ...["step by step", "reason", "implications", "root cause", "in depth", "critique", "research", "summarise", "summarize"],
  ...["warum", "wieso", "weshalb", "erkläre", "erklär", "vergleiche", "vergleich", "beweise", "analysiere", "entwirf", "plane", "bewerte"],
  ...["begründe", "untersuche", "überarbeite", "vor und nachteile", "schritt für schritt", "zusammenfassung", "strategie"],
  ...["pourquoi", "explique", "prouve", "conçois", "évalue", "étape par étape", "stratégie"],
  ...["por qué", "explica", "compara", "demuestra", "analiza", "diseña", "evalúa", "paso a paso", "estrategia"],
];

/** They ask for something to be done outside the conversation. */
export const doing: readonly string[] = [
  ...["file", "files", "folder", "directory", "run", "execute", "install", "download", "upload", "search", "look up", "browse", "fetch"],
  ...["open", "commit", "deploy", "schedule", "remind", "send", "screenshot", "terminal", "shell", "database"],
  ...["datei", "dateien", "ordner", "führe", "installiere", "suche", "such", "öffne", "lade", "schicke", "sende", "erinnere"],
  ...["fichier", "fichiers", "dossier", "exécute", "installe", "cherche", "ouvre", "télécharge", "envoie", "rappelle"],
  ...["archivo", "archivos", "carpeta", "ejecuta", "instala", "busca", "abre", "descarga", "envía", "recuérdame"],
];

/** Somebody waits. */
export const urgent: readonly string[] = [
  ...["urgent", "urgently", "asap", "right now", "immediately", "quick", "quickly", "hurry", "emergency"],
  ...[
    "dringend",
    "eilt",
    "sofort",
    "schnell",
    "eilig",
    "notfall",
    "urgente",
    "inmediatamente",
    "rápido",
    "vite",
    "immédiatement",
    "urgence",
  ],
];
