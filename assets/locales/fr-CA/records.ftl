records-a-patient-who-seems-to-be = Un patient qui semble manquer peut s’y trouver. Les résultats sont détaillés ligne par ligne : faites les corrections dans le fichier, puis importez-le de nouveau. Si c’est impossible, importez-le tel quel et cochez la case pour ignorer ces lignes.
records-a-table-csv-with-headings-for = Un tableau (.csv) avec au moins les en-têtes numéro de dossier, prénom et nom de famille, ou des patients FHIR R4 (.json, .ndjson).
records-all-of-these-values-are-compared = Toutes ces valeurs sont comparées lorsqu’un patient se connecte à la clinique.
records-an-admin-of-your-practice-can = Un administrateur ou une administratrice de votre clinique peut le faire.
records-another-import-is-running-wait-until = Une autre importation est en cours. Attendez qu’elle soit terminée, puis envoyez ce fichier.
records-cancel-import = Annuler l’importation
records-changed = Dossiers modifiés
records-common-headings = Les en-têtes habituels sont reconnus dans chaque langue de cette console. Indiquez seulement ceux qui n’ont pas été trouvés.
records-current = Actuelle
records-current-and-previous-values = Valeurs actuelles et antérieures
records-day-first-31-05-1987 = Jour en premier : 31/05/1987
records-download-row-by-row-results = Télécharger les résultats ligne par ligne
records-family-name = Nom de famille
records-file = Fichier
records-format-of-dates-with-slashes = Format des dates avec barres obliques
records-go-to-records = Aller aux dossiers
records-import = Importation
records-import-again = Importer de nouveau
records-import-canceled = Importation annulée
records-import-failed = Échec de l’importation
records-import-finished = Importation terminée
records-import-finished-but-no-records-were = Importation terminée, mais aucun dossier n’a été rendu inactif
records-import-import-form = Importer
records-import-of = Importation du
records-import-records = Importer des dossiers
records-import-your-patient-list = Importez votre liste de patients
records-imports = Importations
records-inactive = Inactif
records-kind-birth-date = Date de naissance
records-known-since = connue depuis le
records-last-changed = Dernière modification
records-left-out =
    { $left_out ->
        [one] { $left_out } de vos { $before } dossiers actifs ne figure pas sur la liste et reste actif.
       *[other] { $left_out } de vos { $before } dossiers actifs ne figurent pas sur la liste et restent actifs.
    }
records-made-inactive-because-they-are-not = Rendus inactifs, car absents de la liste
records-mobile-or-phone = Cellulaire ou téléphone
records-month-first-05-31-1987 = Mois en premier : 05/31/1987
records-my-columns-have-other-headings = Mes colonnes ont d’autres en-têtes
records-name-record-number-phone-or-e = Nom, numéro de dossier, téléphone ou courriel
records-new-records = Nouveaux dossiers
records-no-column = { $column } : aucune colonne trouvée. Entrez l’en-tête utilisé dans votre fichier.
records-no-matching-records-check-the-spelling = Aucun dossier correspondant. Vérifiez l’orthographe ou n’en cherchez qu’une partie.
records-not-on-the-list-but-still = Absents de la liste, mais toujours actifs
records-of-these-rows-that-do-not = Parmi elles, lignes n’identifiant aucun patient
records-phone-number = Numéro de téléphone
records-please-choose-the-file-again = Veuillez choisir le fichier de nouveau.
records-previous = Antérieure
records-previous-imports = Importations précédentes
records-progress = { $done } lignes sur { $total } ({ $percent } %)
records-record-number = Numéro de dossier
records-refused = Lignes refusées
records-results = Résultats
records-rows-imported-so-far-are-kept = Les lignes déjà importées sont conservées. Envoyez de nouveau le même fichier : aucun dossier ne sera créé en double.
records-rows-imported-so-far-are-kept-import = Les lignes déjà importées sont conservées.
records-search = Rechercher
records-skip-rows-that-do-not-identify = Ignorer les lignes qui n’identifient aucun patient : les patients qui ne figurent sur aucune autre ligne peuvent devenir inactifs
records-some-records-all-others-stay-as = Certains dossiers : tous les autres restent tels quels
records-summary = Dossiers nouveaux : { $created }, modifiés : { $changed }, inchangés : { $unchanged }; lignes refusées : { $refused }
records-that-is-more-than-half-so = C’est plus de la moitié : ce n’est peut-être pas le bon fichier. Si la liste est exacte, importez-la de nouveau et cochez la case qui le confirme. Sinon, importez la bonne.
records-the-complete-list-is-correct-more = La liste complète est exacte : plus de la moitié des dossiers actifs peuvent devenir inactifs
records-the-complete-list-patients-who-are = La liste complète : les patients qui n’y figurent pas deviennent inactifs
records-the-inbox-then-shows-whether-a = La boîte de réception indique alors si un nouveau patient correspond à vos dossiers. Un tableau tiré du logiciel de votre clinique suffit.
records-this-file-is-too-large-the = Ce fichier est trop volumineux : la limite est de 64 Mo. Envoyez-le en plusieurs parties.
records-this-page-updates-itself-you-can = Cette page s’actualise d’elle-même. Vous pouvez la quitter : l’importation se poursuit.
records-unchanged = Dossiers inchangés
records-unread =
    { $rows ->
        [one] { $rows } ligne refusée n’identifie aucun patient.
       *[other] { $rows } lignes refusées n’identifient aucun patient.
    }
records-what-the-file-contains = Contenu du fichier
records-wrong = Impossible de lire ce fichier. Enregistrez-le au format CSV et réessayez.
records-wrong-encoding-unknown = Enregistrez le fichier au format « CSV UTF-8 » et envoyez-le de nouveau.
records-wrong-no-file = Choisissez un fichier.
records-wrong-no-rows = Le fichier ne contient aucun patient.
records-wrong-not-a-bundle = Ce n’est pas un Bundle FHIR. Envoyez un Bundle (.json), une ressource par ligne (.ndjson) ou un tableau (.csv).
records-wrong-row-too-long = Une ligne ne se termine pas : il manque un guillemet fermant. Enregistrez de nouveau le fichier au format CSV.
records-your-file-has = Votre fichier contient :
records-your-last-import = Votre dernière importation :
